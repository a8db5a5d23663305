let downloadTransitions = """
    """
