"""A Keras net as an ONNX file: how keras_net.onnx beside this file was made.

    pip install keras tensorflow-cpu tf2onnx     # an environment of its own
    python examples/keras_net.py examples/keras_net.onnx

A small net with random weights; of one that is trained, `keras.models.load_model("net.keras")`
takes its place. Pictures stay (N, height, width, channels), as Keras has them.
"""

import sys

import keras
from keras import layers


def net() -> keras.Model:
    """RGB pictures of 0 to 255, which it scales itself, to seven probabilities."""
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((64, 64, 3)),
        layers.Rescaling(1 / 127.5, offset=-1),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.SeparableConv2D(32, 3, strides=2, padding="same", activation="relu"),
        layers.Dropout(0.3),
        layers.GlobalAveragePooling2D(),
        layers.Dense(7, activation="softmax"),
    ])


def main(path: str) -> None:
    made = net()
    made(keras.ops.zeros((1, 64, 64, 3)))  # one that has answered nothing yet can't be exported
    made.export(path, format="onnx")  # by tf2onnx, for any number of pictures at once


if __name__ == "__main__":
    main(*sys.argv[1:])
