"""Transcripts of a channel become a graph of who has to do with whom.

The API takes text files, a task for each of them finds names and what is said between them, and one
last task joins what they found into a graph that can be asked.
"""
