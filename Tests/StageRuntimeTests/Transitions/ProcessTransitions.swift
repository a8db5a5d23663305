let processTransitions = """
    """
