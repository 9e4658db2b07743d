"""Tests that need neither Docker nor anything outside: PostgreSQL is their own, and so is the store."""
