"""Stages that a release stands in: what each asks for, who approves, moving in and back."""
