"""Tests of the podcast application: with real recordings, a real queue and a real worker."""
