package import Settings

extension Settings {
    package var queueNames: QueueNames { QueueNames(prefix: broker.queuePrefix, node: broker.nodeID) }

    package var queueLayout: QueueLayout {
        QueueLayout(
            names: queueNames,
            type: broker.queueType,
            deliveryLimit: broker.queueDeliveryLimit,
            maximumPriority: broker.queueMaximumPriority
        )
    }
}
