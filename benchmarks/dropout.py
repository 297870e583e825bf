"""`python -m benchmarks.dropout`: a dropout inside a compiled loop, under XLA and without it.

Both sides run in one process, on the same numbers, compiled before they are timed.
"""

from __future__ import annotations

import time

ROWS, FEATURES, STEPS = 128, 64, 500


def main() -> None:
    """Print processor milliseconds a step and the ratio."""
    from throughline.training.engine.devices import configure

    configure(device="cpu", threads=1, deterministic=False)
    plain = {xla: milliseconds(xla, dropout=False) for xla in (True, False)}
    drops = {xla: milliseconds(xla, dropout=True) for xla in (True, False)}
    for xla, name in ((True, "XLA"), (False, "graph")):
        print(f"{name:6} without {plain[xla]:6.3f} ms, with dropout {drops[xla]:6.3f} ms a step")
    print(f"XLA / graph with dropout: {drops[True] / drops[False]:.1f}")


def milliseconds(xla: bool, dropout: bool) -> float:
    """Processor time of a step of a loop of matrix products, in milliseconds."""
    import tensorflow as tf

    weights = tf.random.stateless_normal([FEATURES, FEATURES], seed=[1, 2])

    def step(number: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        hidden = tf.nn.relu(tf.matmul(rows, weights)) / 8.0
        if dropout:
            seed = tf.stack([number, 7])
            hidden = tf.nn.experimental.stateless_dropout(hidden, rate=0.2, seed=seed)
        return number + 1, hidden

    def loop(steps: tf.Tensor) -> tf.Tensor:
        rows = tf.ones([ROWS, FEATURES])
        return tf.while_loop(lambda number, _: number < steps, step, [0, rows])[1]

    compiled = tf.function(loop, jit_compile=xla)
    steps = tf.constant(STEPS)
    compiled(steps)
    start = time.process_time()
    compiled(steps)
    return (time.process_time() - start) / STEPS * 1000


if __name__ == "__main__":
    main()
