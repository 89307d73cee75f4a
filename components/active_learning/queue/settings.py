"""What a queue shows to the people who label."""

from components.shared.runtime.settings import settings_model


@settings_model
class QueueSettings:
    """Settings of `export_queue`.

    Attributes
    ----------
    show_prediction
        Whether people see the model's class and its probability. It saves them time and biases what they say.
    image_uri
        Where Label Studio finds the folder `images` of the queue: `s3://bucket/queue/images`, or
        `/data/local-files/?d=queue/images`. Without it photos are embedded in the tasks, which suits a few hundred.
    """

    show_prediction: bool = False
    image_uri: str | None = None
