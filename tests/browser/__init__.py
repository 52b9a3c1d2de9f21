"""Browser tests. A package, so that its one browser can be closed before the tests of other folders run."""
