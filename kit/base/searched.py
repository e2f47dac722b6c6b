"""What methods share that search or draw an architecture and train its network."""

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
    """Settings of a search whose place an architecture can take."""

    @property
    def architecture(self) -> Any:
        """A value of the method's kind; None where it is searched."""


F = TypeVar("F", bound=networks.Scored)
S = TypeVar("S", bound=Searching)


class FoundNetwork(Method[F]):
    """A method that trains the network of an architecture.

    All but the stages, where the architecture is from, and building the network.
    """

    kind: ClassVar[ArchitectureKind]

    @abstractmethod
    def build(self, context: NetworkContext, architecture: Any) -> nn.Module:
        """Return the network of a value of the kind, with its first weights."""

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
    """A method whose stage ``search`` leaves an ``architecture``, and that trains its network."""

    def found(self, context: Context) -> Any:
        """Return the value that the search left."""
        return context.output("search")["architecture"]

    def network(self, context: NetworkContext) -> nn.Module | None:
        """Return the network of a given architecture; None where one is searched."""
        given = self.settings.architecture
        return None if given is None else self.build(context, given)


class DrawnNetwork(FoundNetwork[F]):
    """A method whose run's seed draws an architecture, and that trains its network."""

    @abstractmethod
    def found(self, context: NetworkContext) -> Any:
        """Return the value that the seed draws."""

    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network of the value, with its first weights."""
        return self.build(context, self.found(context))
