extension Ticket {
    /// The content that the job asks for, as bytes. Two messages with one id and the same content are of one job,
    /// however else they differ, for example in the time at which they were made. The content stays the same from stage
    /// to stage.
    package var content: [UInt8] {
        var asked = JSONFields()
        asked.set("mediaId", mediaID)
        asked.set("userId", userID)
        asked.set("s3Key", sourceKey)
        asked.set("source", source)
        asked.set("destination", destination)
        asked.set(Self.uploadURLsField, uploadPlacesJSON)
        asked.set("requestThumbnails", wantsThumbnails)
        for name in Self.askingFields { asked[name] = unknown[name] }
        return asked.serialized()
    }

    /// Fields that no stage of this version knows, and that ask for something all the same.
    private static let askingFields: [ByteText] = ["profile", "callbackUrl", "sha256"]
}
