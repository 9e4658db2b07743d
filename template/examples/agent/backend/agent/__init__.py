"""A desk that reads documents: hand in some and a question, and get a briefing."""
