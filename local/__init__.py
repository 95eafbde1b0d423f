"""This machine as the cloud: the emulator, the same template, one day, the result."""
