// Nothing is here. The target depends on the libraries of all five executables, so that one call of `swift build`
// compiles them side by side before `make build` links each executable by itself.
