let uploadTransitions = """
    """
