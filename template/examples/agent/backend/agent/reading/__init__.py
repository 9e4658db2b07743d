"""Reading documents: which of their sentences answer a question, and which say most about the whole.

All of it is arithmetic on this machine's processor (numpy), and the same documents give the same result.
"""
