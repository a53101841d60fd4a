# The picture of the explorer in the README; make screenshots runs it.
open synth:llm-activation
quantizer int8
axis-next
channels
save-screen explorer.txt
save-screen explorer.png
