"""Doing things ahead: what the next item needs, while a GPU computes one."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def made_ahead(items: Iterable[Item], make: Callable[[Item], Made]) -> Iterator[tuple[Item, Made]]:
    """Items, each with what `make` makes of it, while the caller uses the item before; an error comes at its turn."""
    with ThreadPoolExecutor(1, "ventral-ahead") as thread:
        waiting: list[tuple[Item, Future[Made]]] = []
        for item in items:
            waiting.append((item, thread.submit(make, item)))
            if len(waiting) > 1:
                first, made = waiting.pop(0)
                yield first, made.result()
        for first, made in waiting:
            yield first, made.result()


def one_later(items: Iterable[Item]) -> Iterator[Item]:
    """Items, each when the next has been asked for: what a GPU was told, when it has been told what comes after."""
    waiting: list[Item] = []
    for item in items:
        waiting.append(item)
        if len(waiting) > 1:
            yield waiting.pop(0)
    yield from waiting
