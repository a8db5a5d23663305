import JobModel
import Testing

@Suite("A job's destination")
struct TicketDestinationTests {
    private func read(_ destination: String) throws -> String? {
        var fields = JSONFields()
        for (name, value) in [("id", "j"), ("mediaId", "m"), ("mediaType", "IMAGE"), ("destination", destination)] {
            fields[ByteText(name)] = .string(value)
        }
        let ticket = try Ticket(parsing: fields.serialized(), expecting: .image)
        #expect(try Ticket(parsing: ticket.json.serialized(), expecting: .image).destination == ticket.destination)
        return ticket.destination
    }

    @Test(
        "loses user, password, query and fragment where it is read, and stays one that is refused",
        arguments: [
            ("s3://eve:hunter2@media/x", "s3://…@media/x"), ("s3://media/x?token=hunter2", "s3://media/x?…"),
            ("s3://media/x#hunter2", "s3://media/x?…"), ("file://eve:hunter2@host/x", "file://…@host/x"),
            ("file:///srv/x?sig=hunter2", "file:///srv/x?…"), ("https://eve:hunter2@h/a?b=hunter2", "https://…@h/a?…"),
            ("https://eve:hun/ter2@h/a", "https://…@h/a"), ("eve:hunter2@h", "eve:…@h"),
            ("s3://eve:hunter2@media/x?sig=hunter2", "s3://…@media/x?…"),
        ]
    )
    func secrets(given: String, kept: String) throws {
        #expect(try read(given) == kept)
    }

    @Test(
        "stays as it is without these, were there an @ in its path",
        arguments: [
            "s3://media/customers/eve", "s3://media/a@b:c/d", "file:///srv/a@b", "file:/srv/eve:x@y", "none", "",
            "s3://media/\u{1}\u{7f}é",
        ]
    )
    func others(given: String) throws {
        #expect(try read(given) == given)
    }
}
