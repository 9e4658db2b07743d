"""The tests: a real database, a real Redis, a real worker and a real server."""
