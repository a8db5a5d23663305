import Foundation

/// Messages of bucket notifications, in the shapes that the documentation of each store shows.
package enum EventSamples {
    /// Amazon S3, version 2.1 to 2.6 of its structure.
    package static func amazon(
        _ key: String,
        bucket: String = TestObjectStore.bucket,
        name: String = "ObjectCreated:Put",
        version: String? = nil,
        sequencer: String? = "0055AED6DCD90281E5",
        tag: String? = "d41d8cd98f00b204e9800998ecf8427e"
    ) -> String {
        let versionID = version.map { #", "versionId": "\#($0)""# } ?? ""
        let order = sequencer.map { #", "sequencer": "\#($0)""# } ?? ""
        let eTag = tag.map { #", "eTag": "\#($0)""# } ?? ""
        return #"""
            {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-west-2",
              "eventTime": "1970-01-01T00:00:00.000Z", "eventName": "\#(name)",
              "userIdentity": {"principalId": "AIDAJDPLRKLG7UEXAMPLE"},
              "requestParameters": {"sourceIPAddress": "127.0.0.1"},
              "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810",
                "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG4V5Wp6S7S/JRWeUWerMUE5JgHvANOjpD"},
              "s3": {"s3SchemaVersion": "1.0", "configurationId": "testConfigRule",
                "bucket": {"name": "\#(bucket)", "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                  "arn": "arn:aws:s3:::\#(bucket)"},
                "object": {"key": "\#(key)", "size": 1024\#(eTag)\#(versionID)\#(order)}}}]}
            """#
    }

    /// MinIO, which encodes the slashes of a key as well, and says `s3:` before the name of an event.
    package static func minio(
        _ key: String,
        bucket: String = TestObjectStore.bucket,
        name: String = "s3:ObjectCreated:Put",
        sequencer: String = "15CFEDF8D5304D1A"
    ) -> String {
        #"""
        {"EventName": "\#(name)", "Key": "\#(bucket)/\#(key)", "Records": [{"eventVersion": "2.0",
          "eventSource": "minio:s3", "awsRegion": "", "eventTime": "2019-10-22T09:27:27Z", "eventName": "\#(name)",
          "userIdentity": {"principalId": "AKIAIOSFODNN7EXAMPLE"},
          "requestParameters": {"accessKey": "AKIAIOSFODNN7EXAMPLE", "region": "", "sourceIPAddress": "172.16.118.255"},
          "responseElements": {"x-amz-request-id": "15CFEDF8D4736ED9",
            "x-minio-origin-endpoint": "http://172.17.0.2:9000"},
          "s3": {"s3SchemaVersion": "1.0", "configurationId": "Config",
            "bucket": {"name": "\#(bucket)", "ownerIdentity": {"principalId": "AKIAIOSFODNN7EXAMPLE"},
              "arn": "arn:aws:s3:::\#(bucket)"},
            "object": {"key": "\#(key)", "size": 224662, "eTag": "5fc7298143efe1276d39a3466d4e255f-1",
              "contentType": "image/jpeg", "userMetadata": {"content-type": "image/jpeg"}, "versionId": "1",
              "sequencer": "\#(sequencer)"}},
          "source": {"host": "172.16.118.255", "port": "", "userAgent": "Mozilla/5.0"}}]}
        """#
    }

    /// Ceph, which does not encode keys, says a size as text, and has fields of its own.
    package static func ceph(
        _ key: String,
        bucket: String = TestObjectStore.bucket,
        name: String = "ObjectCreated:Put",
        sequencer: String = "F7E6D75DC742D108",
        tag: String = "37b51d194a7513e45b56f6524f2d51f2"
    ) -> String {
        #"""
        {"Records":[{"eventVersion":"2.1","eventSource":"ceph:s3","awsRegion":"zonegroup1",
          "eventTime":"2019-11-22T13:47:35.124724Z","eventName":"\#(name)","userIdentity":{"principalId":"tester"},
          "requestParameters":{"sourceIPAddress":""},
          "responseElements":{"x-amz-request-id":"503a4c37-85eb-47cd-8681-2817e80b4281.5330.903595",
            "x-amz-id-2":"14d2-zone1-zonegroup1"},
          "s3":{"s3SchemaVersion":"1.0","configurationId":"mynotif1",
            "bucket":{"name":"\#(bucket)","ownerIdentity":{"principalId":"tester"},
              "arn":"arn:aws:s3:zonegroup1::\#(bucket)","id":"503a4c37-85eb-47cd-8681-2817e80b4281.5332.38"},
            "object":{"key":"\#(key)","size":"1024","eTag":"\#(tag)","versionId":"","sequencer":"\#(sequencer)",
              "metadata":[],"tags":[]}},
          "eventId":"","opaqueData":"me@example.com"}]}
        """#
    }

    /// An event of Amazon's EventBridge, which does not encode keys.
    package static func eventBridge(_ key: String, bucket: String = TestObjectStore.bucket) -> String {
        #"""
        {"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
          "source": "aws.s3", "account": "111122223333", "time": "2021-11-12T00:00:00Z", "region": "ca-central-1",
          "resources": ["arn:aws:s3:::\#(bucket)"],
          "detail": {"version": "0", "bucket": {"name": "\#(bucket)"},
            "object": {"key": "\#(key)", "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184",
              "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189"},
            "request-id": "N4N7GDK58NMKJ12R", "requester": "123456789012", "source-ip-address": "1.2.3.4",
            "reason": "PutObject"}}
        """#
    }

    /// The notification of Amazon's SNS that has a message within.
    package static func notification(of message: String) throws -> String {
        let envelope = [
            "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Subject": "Amazon S3 Notification",
            "Message": message, "Timestamp": "2012-05-02T00:54:06.655Z", "SignatureVersion": "1",
        ]
        return String(decoding: try JSONSerialization.data(withJSONObject: envelope), as: UTF8.self)
    }

    /// One message with the records of several.
    package static func together(_ messages: [String]) throws -> String {
        let records = try messages.flatMap { message in
            let object = try JSONSerialization.jsonObject(with: Data(message.utf8)) as? [String: Any]
            return object?["Records"] as? [Any] ?? []
        }
        return String(decoding: try JSONSerialization.data(withJSONObject: ["Records": records]), as: UTF8.self)
    }
}
