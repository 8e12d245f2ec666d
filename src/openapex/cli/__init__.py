"""Words to desk to text: the `apex` command."""
