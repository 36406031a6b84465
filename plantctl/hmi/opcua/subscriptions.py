"""Subscriptions with bounds: how many, of whom, how often, and what may wait for a client that does not ask for it.

The library lets every session see every subscription, keeps what a client has not acknowledged by the thousand, and
looks for an item by going through all of them. Here a session has its own, what waits is counted, and nothing is
searched for.
"""

import math
from collections.abc import Callable
from typing import Any

from asyncua import ua as typed_ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemService
from asyncua.server.subscription_service import SubscriptionService
from asyncua.ua.uaprotocol_auto import DataChangeFilter  # what is decoded; the package's own name is another class

from plantctl.hmi.opcua import limits

ua: Any = typed_ua


class Items(MonitoredItemService):
    """The monitored items of one subscription. `room` tells how many more its session may have, `queue` how many values
    more may wait in its queues; `places` is how many may in those of this subscription.
    """

    def __init__(self, subscription: Any, space: Any, room: Callable[[], int], queue: Callable[[], int]) -> None:
        super().__init__(subscription, space)
        self._room = room
        self._queue = queue
        self.places = 0

    def __len__(self) -> int:
        return len(self._monitored_items)

    async def create_monitored_items(self, params: Any) -> list[Any]:
        """Monitor values; each item is answered for itself."""
        results = []
        for item in params.ItemsToCreate:
            fault = self._fault(item)
            if fault:
                results.append(ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(fault)))
            else:
                results.append(await self._create_data_change_monitored_item(item))
        return results

    def _fault(self, item: Any) -> int:
        """Why an item cannot be monitored; 0 where it can."""
        codes = ua.StatusCodes
        wanted = item.ItemToMonitor
        if self._room() <= 0:
            return int(codes.BadTooManyMonitoredItems)
        if wanted.AttributeId == ua.AttributeIds.EventNotifier:
            return int(codes.BadNotSupported)
        if wanted.IndexRange:
            return int(codes.BadIndexRangeInvalid)
        if wanted.NodeId is None:
            return int(codes.BadNodeIdInvalid)
        return self._fault_of_filter(item.RequestedParameters)

    @staticmethod
    def _fault_of_filter(asked: Any) -> int:
        """Why a filter is not taken; one that says nothing is none."""
        wanted = asked.Filter
        if wanted is None or (isinstance(wanted, typed_ua.ExtensionObject) and wanted.TypeId.is_null()):
            asked.Filter = None
            return 0
        if not isinstance(wanted, DataChangeFilter):
            return int(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
        if wanted.DeadbandType not in (ua.DeadbandType.None_, ua.DeadbandType.Absolute):
            return int(ua.StatusCodes.BadMonitoredItemFilterUnsupported)
        if not wanted.DeadbandValue >= 0.0:
            return int(ua.StatusCodes.BadDeadbandFilterInvalid)
        return 0

    def _commit_monitored_item(self, result: Any, mdata: Any) -> None:
        super()._commit_monitored_item(result, mdata)
        if result.StatusCode.is_good():
            self.places += mdata.queue_size

    def _revise_queue_size(self, requested: int) -> int:
        return max(1, min(int(requested), limits.QUEUE_MAX, self._queue()))

    def _modify_monitored_item(self, params: Any) -> Any:
        item = self._monitored_items.get(params.MonitoredItemId)
        wanted = params.RequestedParameters
        if item is None:
            return ua.MonitoredItemModifyResult(StatusCode=ua.StatusCode(ua.StatusCodes.BadMonitoredItemIdInvalid))
        fault = self._fault_of_filter(wanted)
        if fault:
            return ua.MonitoredItemModifyResult(StatusCode=ua.StatusCode(fault))
        item.filter = wanted.Filter
        item.client_handle = wanted.ClientHandle
        if wanted.QueueSize < item.queue_size:
            self.places -= item.queue_size - max(1, wanted.QueueSize)
            item.queue_size = max(1, wanted.QueueSize)
        return ua.MonitoredItemModifyResult(
            RevisedSamplingInterval=self.isub.data.RevisedPublishingInterval, RevisedQueueSize=item.queue_size
        )

    def _delete_monitored_items(self, mid: int) -> Any:
        item = self._monitored_items.pop(mid, None)
        if item is None:
            return ua.StatusCode(ua.StatusCodes.BadMonitoredItemIdInvalid)
        self.places -= item.queue_size
        handle: Any = item.callback_handle
        self.aspace.delete_datachange_callback(handle)
        self._monitored_datachange.pop(handle, None)
        return ua.StatusCode()

    def _is_deadband_exceeded(self, values: Any, flt: Any) -> bool:
        # The library compares with the value before this one, so that a slow drift would never be told: the value
        # that was told last stays the one to compare with.
        old, new = values.get_old_datavalue(), values.get_current_datavalue()
        if flt.DeadbandType == ua.DeadbandType.None_ or old is None or new is None:
            return True
        before, after = old.Value.Value, new.Value.Value
        if not isinstance(before, int | float) or not isinstance(after, int | float):
            return True
        if old.StatusCode == new.StatusCode and abs(after - before) <= flt.DeadbandValue:
            values.current_dvalue = old
            return False
        return True


class Subscription(InternalSubscription):
    """One subscription, with a bound on what it keeps for a client that does not acknowledge."""

    def _pop_publish_result(self) -> Any:
        result = super()._pop_publish_result()
        kept = self._not_acknowledged_results
        while len(kept) > 1 and sum(map(_size, kept.values())) > limits.QUEUED_MAX:
            del kept[next(iter(kept))]
        result.AvailableSequenceNumbers = list(kept)
        return result

    async def begin_anew(self) -> None:
        """Go on at another pace; what waits is kept."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        await self.start()

    def republish(self, nb: int) -> Any:
        """A message that was sent already."""
        result = self._not_acknowledged_results.get(nb)
        if result is None:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return result.NotificationMessage


def _size(result: Any) -> int:
    return sum(len(data.MonitoredItems) for data in result.NotificationMessage.NotificationData if _is_data(data))


def _is_data(data: Any) -> bool:
    return isinstance(data, typed_ua.DataChangeNotification)


class Subscriptions(SubscriptionService):
    """All subscriptions of the server; each belongs to one session."""

    def __init__(self, space: Any, server: Any, items_max: int) -> None:
        super().__init__(space, server)
        self._items_max = items_max

    def of(self, session_id: Any) -> dict[int, Any]:
        """The subscriptions of a session."""
        return {number: each for number, each in self.subscriptions.items() if each.session_id == session_id}

    def owned(self, number: int, session_id: Any) -> Any:
        """A subscription of this session. Raises `ServiceError` for one that is not."""
        found = self.subscriptions.get(number)
        if found is None or found.session_id != session_id:
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
        return found

    async def create_subscription(
        self,
        params: Any,
        callback: Callable[..., Any],
        session_id: Any,
        request_callback: Callable[..., Any] | None = None,
    ) -> Any:
        """A new subscription, its wishes brought within the limits."""
        if len(self.of(session_id)) >= limits.SUBSCRIPTIONS_MAX:
            raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)
        self._sub_id_counter += 1
        number = self._sub_id_counter
        revised = ua.CreateSubscriptionResult(SubscriptionId=number)
        revise(revised, params)
        made: Any = Subscription(
            revised,
            self.aspace,
            callback,
            session_id,
            request_callback=request_callback,
            delete_callback=lambda: self.subscriptions.pop(number, None),
            no_acks_limit=2 * limits.PUBLISH_REQUESTS_MAX,
            max_queue_size=limits.QUEUE_MAX,
            publishing_enabled=params.PublishingEnabled,
        )

        def room() -> int:
            own = sum(len(each.monitored_item_srv) for each in self.of(session_id).values())
            every: Any = self.subscriptions.values()
            return min(self._items_max - own, limits.ITEMS_MAX - sum(len(each.monitored_item_srv) for each in every))

        def queue() -> int:
            waiting: int = sum(each.monitored_item_srv.places for each in self.of(session_id).values())
            return limits.QUEUED_MAX - waiting

        made.monitored_item_srv = Items(made, self.aspace, room, queue)
        self.subscriptions[number] = made
        await made.start()
        return revised

    async def modify(self, params: Any, session_id: Any) -> Any:
        """Another pace for a subscription."""
        found = self.owned(params.SubscriptionId, session_id)
        revise(found.data, params)
        await found.begin_anew()
        result = ua.ModifySubscriptionResult()
        for name in ("RevisedPublishingInterval", "RevisedLifetimeCount", "RevisedMaxKeepAliveCount"):
            setattr(result, name, getattr(found.data, name))
        return result


def revise(revised: Any, params: Any) -> None:
    """The pace that a client is given for the one it asked for; what is no number gets the slowest."""
    wanted_ms = float(params.RequestedPublishingInterval)
    wanted_ms = limits.PUBLISHING_MS_MAX if math.isnan(wanted_ms) else wanted_ms
    period_ms = min(max(wanted_ms, limits.PUBLISHING_MS_MIN), limits.PUBLISHING_MS_MAX)
    alive_max = max(1, int(limits.KEEP_ALIVE_MS_MAX // period_ms))
    revised.RevisedPublishingInterval = period_ms
    revised.RevisedMaxKeepAliveCount = max(1, min(params.RequestedMaxKeepAliveCount or alive_max, alive_max))
    life_min, life_max = 3 * revised.RevisedMaxKeepAliveCount, max(3, int(limits.LIFETIME_MS_MAX // period_ms))
    revised.RevisedLifetimeCount = max(life_min, min(params.RequestedLifetimeCount or life_max, life_max))
