"""Programs the tests run and kill."""
