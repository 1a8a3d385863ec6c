// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.34;

/// @title Rewards for the agents of one delegate
/// @notice The coordinator settles an epoch: it sends the money and the agents' weights in one call, and each listed
/// agent is credited its share at once. Agents collect with claim(), or are paid in the same call (SEND_NOW).
/// @dev Money that is credited belongs to its agent: no call of the coordinator can take it back or redirect it.
/// The contract has no owner above the coordinator, no pause and no upgrade.
///
/// Functions, events and revert strings of AgentRewardPool v2 are kept, so that agents and coordinators made for it
/// work here too. What differs: setCoordinator needs acceptCoordinator, plain transfers are refused, a deposit is
/// shared out by the weights of its own call, an agent that is listed twice earns for the sum of its weights, and
/// weights are at most 2^88 - 1.
///
/// Storage is packed because a written slot costs 5,000 gas and more: a settlement writes two slots of its own and
/// one for each agent that it credits.
contract AgentRewardPool {
    event AgentUpdated(address indexed agent, uint256 weight);
    event Settled(uint256 amount, uint256 agentCount);
    event EpochSettled(uint64 indexed epoch, uint256 amount, uint256 totalWeight, uint256 agentCount);
    event Claimed(address indexed agent, uint256 amount);
    /// @notice `agent` refused a payment, or used more gas than payments get. The amount stays claimable.
    event ClaimFailed(address indexed agent, uint256 amount);
    event CoordinatorProposed(address indexed current, address indexed proposed);
    event CoordinatorChanged(address indexed previous, address indexed current);

    /// @notice The entry at `index` names no agent that can be paid: the zero address or this contract.
    error BadAgent(uint256 index);
    /// @notice The weight at `index` passes 2^88 - 1. With `index` equal to the number of entries: their sum passes
    /// 2^96 - 1.
    error BadWeight(uint256 index);
    error BadFlags();
    error EpochClosed(uint64 epoch, uint64 lastEpoch);
    error LegacySettleDisabled();
    /// @notice Too little gas is left to give a payee what payments get.
    error LowGas();
    error NoWeight();
    error UseSettle();
    error ValueTooLarge();

    /// Bits of an entry: agent (160), flags (8), weight (88).
    uint256 private constant ENTRY_WEIGHT = 2 ** 88 - 1;
    uint256 private constant ENTRY_SEND_NOW = 1 << 88;
    uint256 private constant ENTRY_BAD_FLAGS = 0xfe << 88;
    uint256 private constant ENTRY_AGENT_SHIFT = 96;

    uint256 private constant MAX_TOTAL_WEIGHT = 2 ** 96 - 1;
    /// The largest amount of money that an agent's slot holds.
    uint256 private constant MAX_MONEY = 2 ** 112 - 1;

    /// Bits of an agent's slot: number of the settlement that listed it last (32), weight in that settlement (96),
    /// money to claim (112). The number keeps the slot from ever becoming zero again, which would make the next
    /// credit four times as dear.
    uint256 private constant AGENT_SETTLEMENT_SHIFT = 208;
    uint256 private constant AGENT_WEIGHT_SHIFT = 112;

    /// Gas that a payee may use when it is paid within a call for many. Enough for a wallet that is a contract and
    /// notes the payment down. The 2,300 gas that go with every payment come on top.
    uint256 private constant PAYMENT_GAS = 30_000;
    /// The least gas before such a payment. The payment itself costs up to 36,600 (to an account that does not
    /// exist yet), and passes on at most 63/64 of what is left then. With less than this a payee would get less
    /// than PAYMENT_GAS, and whoever sets the gas limit could make payments fail.
    uint256 private constant PAYMENT_GAS_LEFT = 70_000;

    /// Bits of _head: window (32), newest epoch (64), coordinator (160). Bit i of the window is set when epoch
    /// newest - i is settled, so bit 0 is set from the first settleEpoch on.
    uint256 private constant HEAD_EPOCH_SHIFT = 160;
    uint256 private constant HEAD_WINDOW_SHIFT = 224;
    uint256 private constant WINDOW_SIZE = 32;

    /// Bits of _totals: number of the newest settlement (32), its weight (96), and the sum over all settlements of
    /// 10^9 * value / weight (128), which no share depends on: it is for those who watch it as on v2.
    uint256 private constant TOTALS_SETTLEMENT_SHIFT = 224;
    uint256 private constant TOTALS_WEIGHT_SHIFT = 128;
    uint256 private constant CUMULATIVE_SCALE = 10 ** 9;

    /// A struct of one slot, so that functions can hold a reference to it: the compiler then computes the slot's
    /// place once, and not again for the write.
    struct Account {
        uint256 slot;
    }

    uint256 private _head;
    uint256 private _totals;
    mapping(address => Account) private _accounts;
    /// @notice Who becomes coordinator by calling acceptCoordinator; zero when nobody is proposed.
    address public pendingCoordinator;

    constructor(address coordinator_) {
        require(coordinator_ != address(0), "zero coordinator");
        _head = uint160(coordinator_);
        emit CoordinatorChanged(address(0), coordinator_);
    }

    /// @notice Money comes in through a settlement only: a plain transfer would belong to nobody.
    receive() external payable {
        revert UseSettle();
    }

    // Settling

    /// @notice Shares the value of the call out over `entries` by weight, and closes `epoch`.
    /// @param epoch Accepted once, and only if at most 31 below the newest. Take it from something that never goes
    /// back, such as the height of the epoch's last block: an id that is far too high closes all ids below it.
    /// @param entries agent << 96 | flags << 88 | weight. Flag 1, SEND_NOW, sends the share in this call; if the
    /// agent does not take it, it is credited. Entries of the same agent add up.
    function settleEpoch(uint64 epoch, bytes32[] calldata entries) external payable {
        _closeEpoch(_headOfCoordinator(), epoch);
        // Copies the list at once. Solidity's own conversion copies it word by word, which costs more.
        bytes32[] memory copy = new bytes32[](entries.length);
        assembly ("memory-safe") {
            calldatacopy(add(copy, 32), entries.offset, shl(5, entries.length))
        }
        uint256 total = _share(copy);
        emit EpochSettled(epoch, msg.value, total, entries.length);
    }

    /// @notice v2's settlement, until the first settleEpoch. `_weights[i]` is the weight of `_agents[i]`.
    function depositAndSettle(address[] calldata _agents, uint256[] calldata _weights) external payable {
        _settleLegacy(_agents, _weights);
    }

    /// @notice depositAndSettle, then batchClaimFor(_claimees).
    function depositSettleAndClaim(
        address[] calldata _agents,
        uint256[] calldata _weights,
        address[] calldata _claimees
    ) external payable {
        _settleLegacy(_agents, _weights);
        _payAll(_claimees);
    }

    // Collecting

    /// Pays all that `agent` has been credited, with all the gas that is left. A modifier, because the compiler
    /// copies it into both functions, and a claim without a jump is cheaper.
    modifier paysOut(address agent) {
        Account storage account = _accounts[agent];
        uint256 slot = account.slot;
        uint256 amount = slot & MAX_MONEY;
        if (amount == 0) revert("nothing to claim");
        account.slot = slot ^ amount;
        if (!_call(agent, amount, gasleft())) revert("transfer failed");
        emit Claimed(agent, amount);
        _;
    }

    /// @notice Pays the caller what it has been credited.
    function claim() external paysOut(msg.sender) {}

    /// @notice Pays `agent` what it has been credited. Anyone may call it; the money goes to the agent.
    function claimFor(address agent) external paysOut(agent) {}

    /// @notice Pays each agent what it has been credited. Who has nothing or does not take it is passed over.
    function batchClaimFor(address[] calldata agentList) external {
        _payAll(agentList);
    }

    // The coordinator

    /// @notice Proposes another coordinator, who takes over by calling acceptCoordinator. Naming oneself cancels.
    function setCoordinator(address _coordinator) external {
        _headOfCoordinator();
        require(_coordinator != address(0), "zero address");
        pendingCoordinator = _coordinator == msg.sender ? address(0) : _coordinator;
        emit CoordinatorProposed(msg.sender, _coordinator);
    }

    function acceptCoordinator() external {
        require(msg.sender == pendingCoordinator, "not pending coordinator");
        uint256 head = _head;
        address previous = address(uint160(head));
        pendingCoordinator = address(0);
        _head = head ^ uint160(previous) ^ uint160(msg.sender);
        emit CoordinatorChanged(previous, msg.sender);
    }

    // Views

    function coordinator() external view returns (address) {
        return address(uint160(_head));
    }

    /// @notice The newest settled epoch; 0 before the first settleEpoch.
    function lastEpoch() external view returns (uint64) {
        return uint64(_head >> HEAD_EPOCH_SHIFT);
    }

    /// @return 0: `epoch` can be settled. 1: it is settled. 2: it is too old: whether it was settled is not known any
    /// more, and it cannot be settled.
    function epochState(uint64 epoch) external view returns (uint8) {
        return _epochState(_head, epoch);
    }

    function claimable(address agent) external view returns (uint256) {
        return _accounts[agent].slot & MAX_MONEY;
    }

    function totalWeight() external view returns (uint256) {
        return (_totals >> TOTALS_WEIGHT_SHIFT) & MAX_TOTAL_WEIGHT;
    }

    /// @notice In v2's scale of 10^18. Wraps at 3.4 * 10^29 rau per weight.
    function cumulativeRewardPerWeight() public view returns (uint256) {
        return uint128(_totals) * CUMULATIVE_SCALE;
    }

    /// @return weight In the newest settlement; 0 for an agent that it does not list or that it paid at once.
    /// @return rewardSnapshot Always cumulativeRewardPerWeight(), so that v2's formula for what is claimable holds.
    /// @return pending What is claimable.
    function agents(address agent) external view returns (uint256 weight, uint256 rewardSnapshot, uint256 pending) {
        uint256 slot = _accounts[agent].slot;
        if (slot >> AGENT_SETTLEMENT_SHIFT == _totals >> TOTALS_SETTLEMENT_SHIFT) {
            weight = (slot >> AGENT_WEIGHT_SHIFT) & MAX_TOTAL_WEIGHT;
        }
        rewardSnapshot = cumulativeRewardPerWeight();
        pending = slot & MAX_MONEY;
    }

    // Inside

    function _headOfCoordinator() private view returns (uint256 head) {
        head = _head;
        require(msg.sender == address(uint160(head)), "not coordinator");
    }

    function _epochState(uint256 head, uint64 epoch) private pure returns (uint8) {
        unchecked {
            uint64 newest = uint64(head >> HEAD_EPOCH_SHIFT);
            if (epoch > newest) return 0;
            uint256 behind = newest - epoch;
            if (behind >= WINDOW_SIZE) return 2;
            return uint8((head >> (HEAD_WINDOW_SHIFT + behind)) & 1);
        }
    }

    function _closeEpoch(uint256 head, uint64 epoch) private {
        unchecked {
            uint64 newest = uint64(head >> HEAD_EPOCH_SHIFT);
            if (_epochState(head, epoch) != 0) revert EpochClosed(epoch, newest);
            uint256 window = head >> HEAD_WINDOW_SHIFT;
            if (epoch > newest) {
                // Marks that leave the window fall off the top of the slot below. A shift by 256 or more gives 0.
                window = (window << (epoch - newest)) | 1;
                newest = epoch;
            } else {
                window |= 1 << (newest - epoch);
            }
            _head = (window << HEAD_WINDOW_SHIFT) | (uint256(newest) << HEAD_EPOCH_SHIFT) | uint160(head);
        }
    }

    function _settleLegacy(address[] calldata agentList, uint256[] calldata weights) private {
        if (_headOfCoordinator() >> HEAD_WINDOW_SHIFT != 0) revert LegacySettleDisabled();
        require(agentList.length == weights.length, "length mismatch");
        bytes32[] memory entries = new bytes32[](agentList.length);
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 weight = weights[i];
            if (weight > ENTRY_WEIGHT) revert BadWeight(i);
            entries[i] = bytes32((uint256(uint160(agentList[i])) << ENTRY_AGENT_SHIFT) | weight);
            emit AgentUpdated(agentList[i], weight);
        }
        _share(entries);
    }

    /// Shares the value of the call out over `entries`. The first i entries together get
    /// floor(value * weight of the first i / total weight), so that the shares add up to the value exactly.
    function _share(bytes32[] memory entries) private returns (uint256 total) {
        unchecked {
            uint256 count = entries.length;
            // Neither the sum of weights of 88 bits nor, below, a product of money and weight can overflow.
            for (uint256 i = 0; i < count; ++i) {
                uint256 entry = _at(entries, i);
                if (entry & ENTRY_BAD_FLAGS != 0) revert BadFlags();
                uint256 agent = entry >> ENTRY_AGENT_SHIFT;
                if (agent == 0) revert BadAgent(i);
                if (agent == uint160(address(this))) revert BadAgent(i);
                total += entry & ENTRY_WEIGHT;
            }
            if (total > MAX_TOTAL_WEIGHT) revert BadWeight(count);
            uint256 settlement = _openSettlement(total);
            uint256 weightSoFar;
            uint256 paidSoFar;
            for (uint256 i = 0; i < count; ++i) {
                uint256 entry = _at(entries, i);
                uint256 weight = entry & ENTRY_WEIGHT;
                weightSoFar += weight;
                uint256 reached = _divide(msg.value * weightSoFar, total);
                uint256 amount = reached - paidSoFar;
                paidSoFar = reached;
                address agent = address(uint160(entry >> ENTRY_AGENT_SHIFT));
                if (entry & ENTRY_SEND_NOW == 0 || !_pay(agent, amount)) _credit(agent, amount, weight, settlement);
            }
        }
        emit Settled(msg.value, entries.length);
    }

    /// Checks the value against the weight and starts the next settlement.
    function _openSettlement(uint256 total) private returns (uint256 settlement) {
        if (msg.value != 0 && total == 0) revert NoWeight();
        // The balance holds all that is credited and this value, so that no agent's sum can pass it.
        if (address(this).balance > MAX_MONEY) revert ValueTooLarge();
        unchecked {
            uint256 totals = _totals;
            settlement = uint32((totals >> TOTALS_SETTLEMENT_SHIFT) + 1);
            uint128 cumulative = uint128(totals) + uint128(_divide(msg.value * CUMULATIVE_SCALE, total));
            _totals = (settlement << TOTALS_SETTLEMENT_SHIFT) | (total << TOTALS_WEIGHT_SHIFT) | cumulative;
        }
    }

    function _credit(address agent, uint256 amount, uint256 weight, uint256 settlement) private {
        unchecked {
            Account storage account = _accounts[agent];
            uint256 slot = account.slot;
            if (slot >> AGENT_SETTLEMENT_SHIFT == settlement) {
                weight += (slot >> AGENT_WEIGHT_SHIFT) & MAX_TOTAL_WEIGHT;
            }
            account.slot = (settlement << AGENT_SETTLEMENT_SHIFT) | (weight << AGENT_WEIGHT_SHIFT)
                | ((slot & MAX_MONEY) + amount);
        }
    }

    function _payAll(address[] calldata agentList) private {
        for (uint256 i = 0; i < agentList.length; ++i) {
            address agent = agentList[i];
            Account storage account = _accounts[agent];
            uint256 slot = account.slot;
            uint256 amount = slot & MAX_MONEY;
            if (amount == 0) continue;
            account.slot = slot ^ amount;
            // What a failed payment did is undone, so that the slot is still as written here.
            if (!_pay(agent, amount)) account.slot = slot;
        }
    }

    /// Sends `amount` to an agent that must not stop the others. False when it did not take it.
    function _pay(address agent, uint256 amount) private returns (bool paid) {
        if (amount == 0) return true;
        if (gasleft() < PAYMENT_GAS_LEFT) revert LowGas();
        paid = _call(agent, amount, PAYMENT_GAS);
        if (paid) emit Claimed(agent, amount);
        else emit ClaimFailed(agent, amount);
    }

    /// A plain transfer. In assembly because Solidity's call copies what the payee returns, at the caller's cost.
    function _call(address to, uint256 amount, uint256 gasLimit) private returns (bool ok) {
        assembly ("memory-safe") {
            ok := call(gasLimit, to, amount, 0, 0, 0, 0)
        }
    }

    /// entries[i] without a check of the bounds.
    function _at(bytes32[] memory entries, uint256 i) private pure returns (uint256 entry) {
        assembly ("memory-safe") {
            entry := mload(add(add(entries, 32), shl(5, i)))
        }
    }

    /// Rounded down; 0 when `divisor` is 0.
    function _divide(uint256 dividend, uint256 divisor) private pure returns (uint256 quotient) {
        assembly ("memory-safe") {
            quotient := div(dividend, divisor)
        }
    }
}
