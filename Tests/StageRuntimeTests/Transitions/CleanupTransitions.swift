let cleanupTransitions = """
    """
