/// Answers questions by looks at a place, one look at a time.
///
/// A look has a price, and answers many questions as easily as one: all who ask while a look goes on share the next
/// one.
actor SharedLook<Question: Hashable & Sendable, Answer: Sendable> {
    private typealias Look = Task<[Question: Answer], Never>

    private let look: @Sendable (Set<Question>) async -> [Question: Answer]
    /// The questions that the next look is to answer.
    private(set) var questions: Set<Question> = []
    /// The look that has not begun.
    private var next: Look?
    /// The look that goes on or was the last.
    private var latest: Look?

    /// - Parameter look: answers each of the questions that it can answer.
    init(_ look: @escaping @Sendable (Set<Question>) async -> [Question: Answer]) { self.look = look }

    /// Waits for the look that goes on, if there is one, and for one more.
    ///
    /// - Returns: nil when that look had no answer.
    func answer(_ question: Question) async -> Answer? {
        questions.insert(question)
        return await (next ?? begin()).value[question]
    }

    private func begin() -> Look {
        let task = Look { [latest] in
            _ = await latest?.value
            return await look(takeQuestions())
        }
        (next, latest) = (task, task)
        return task
    }

    private func takeQuestions() -> Set<Question> {
        next = nil
        defer { questions = [] }
        return questions
    }
}
