"""What this program calls itself."""

VERSION = "0.1.0"
