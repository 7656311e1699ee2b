"""The pages' shared base, in a real browser: macros, styles and live modules, without the application behind."""
