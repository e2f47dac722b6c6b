"""Base classes of methods that search or draw an architecture and train its network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from torch import nn

from kit.architecture import ArchitectureKind
from kit.base import networks
from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.data.loading import Batch
from kit.metrics import Prediction
from kit.runs.records import ArchitectureRecord


class Searching(networks.Scored, Protocol):
    """Settings in which a given architecture can replace the search."""

    @property
    def architecture(self) -> Any:
        """The given architecture, a value of the method's kind; None where it is searched."""


F = TypeVar("F", bound=networks.Scored)
S = TypeVar("S", bound=Searching)


class FoundNetwork(Method[F]):
    """A method that trains the network of an architecture.

    Subclasses define the stages, where the architecture comes from, and how its network is built.
    """

    kind: ClassVar[ArchitectureKind]

    @abstractmethod
    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of an architecture, with its initial weights."""

    @abstractmethod
    def found(self, context: Context) -> Any:
        """Return the architecture, a value of the kind."""

    def trained(self, context: Context) -> nn.Module:
        """Return the network of the architecture with its final weights."""
        return networks.load(context, self.build(context, self.found(context)))

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        fold = context.fold("test")
        return networks.predictor(context, self.trained(context), fold, self.settings.loss)

    def outcome(self, context: Context) -> Outcome:
        """Describe the trained network."""
        value, kind = self.found(context), self.kind
        record = ArchitectureRecord(kind=kind.name, version=kind.version, value=value)
        return networks.outcome(context, self.build(context, value), record)


class SearchedNetwork(FoundNetwork[S]):
    """A method that trains the network of the ``architecture`` in its stage ``search``'s output."""

    def found(self, context: Context) -> Any:
        """Return the architecture in the search's output."""
        return context.output("search")["architecture"]

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the network of a given architecture; None where one is searched."""
        given = self.settings.architecture
        return None if given is None else self.build(context, given)


class SearchedThenTrained(SearchedNetwork[S]):
    """A method of two stages, ``search`` and ``evaluate``.

    Subclasses define both, and how the network of an architecture is built.
    """

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage; a given architecture takes the search's place."""
        given = self.settings.architecture
        if stage == "search" and given is None:
            self.search(context)
        elif stage == "search":
            value = self.as_found(context, given)
            context.finish(context.checkpointer(stage, 0), architecture=value)
        elif stage == "evaluate":
            self.evaluate(context, self.found(context))
        else:
            raise ValueError(f"there is no stage {stage!r}")

    @abstractmethod
    def search(self, context: Context) -> None:
        """Search, and finish the stage with a value of the kind as ``architecture``."""

    @abstractmethod
    def evaluate(self, context: Context, architecture: Any) -> None:
        """Train the network of an architecture, write its weights, and finish the stage."""

    def as_found(self, context: Context, given: Any) -> Any:
        """Return a given architecture in the form in which a search would have found it.

        Raises:
            KitError: its network cannot be built on the task.
        """
        del context
        return given


class DrawnNetwork(FoundNetwork[F]):
    """A method that trains the network of an architecture drawn by the run's seed."""

    @abstractmethod
    def found(self, context: NetworkContext) -> Any:
        """Return the architecture that the seed draws."""

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network of the drawn architecture, with its initial weights."""
        return self.build(context, self.found(context))
