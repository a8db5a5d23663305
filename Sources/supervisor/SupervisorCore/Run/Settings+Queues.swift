internal import AMQP
internal import Settings

extension Settings {
    var queueLayout: QueueLayout {
        QueueLayout(
            names: queueNames,
            type: queueType,
            deliveryLimit: queueDeliveryLimit,
            maximumPriority: queueMaximumPriority
        )
    }
}
