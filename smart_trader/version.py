"""The version of the program, as commits and run records name it."""

VERSION = "0.1.0"
