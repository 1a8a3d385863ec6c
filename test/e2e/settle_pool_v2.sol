// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// Stands in for version 2 of the reward pool in tests: the same calls, events and reasons, and the same way of
/// sharing. The value of a call is shared out by the weights that stood there before it.
contract AgentRewardPool {
    event AgentUpdated(address indexed agent, uint256 weight);
    event Settled(uint256 amount, uint256 agentCount);
    event Claimed(address indexed agent, uint256 amount);

    struct Agent {
        uint256 weight;
        uint256 rewardSnapshot;
        uint256 pending;
    }

    address public coordinator;
    uint256 public cumulativeRewardPerWeight;
    uint256 public totalWeight;
    mapping(address => Agent) public agents;

    constructor(address coordinator_) {
        require(coordinator_ != address(0), "zero coordinator");
        coordinator = coordinator_;
    }

    receive() external payable {}

    function depositAndSettle(address[] calldata list, uint256[] calldata weights) external payable {
        _settle(list, weights);
    }

    function depositSettleAndClaim(address[] calldata list, uint256[] calldata weights, address[] calldata claimees)
        external
        payable
    {
        _settle(list, weights);
        _payAll(claimees);
    }

    function claim() external {
        _claim(msg.sender);
    }

    function claimFor(address agent) external {
        _claim(agent);
    }

    function batchClaimFor(address[] calldata list) external {
        _payAll(list);
    }

    function claimable(address agent) external view returns (uint256) {
        Agent storage one = agents[agent];
        return one.pending + one.weight * (cumulativeRewardPerWeight - one.rewardSnapshot) / 1e18;
    }

    function setCoordinator(address next) external {
        require(msg.sender == coordinator, "not coordinator");
        require(next != address(0), "zero address");
        coordinator = next;
    }

    function _settle(address[] calldata list, uint256[] calldata weights) private {
        require(msg.sender == coordinator, "not coordinator");
        require(list.length == weights.length, "length mismatch");
        if (msg.value > 0 && totalWeight > 0) cumulativeRewardPerWeight += msg.value * 1e18 / totalWeight;
        for (uint256 i = 0; i < list.length; ++i) {
            _accrue(list[i]);
            totalWeight = totalWeight - agents[list[i]].weight + weights[i];
            agents[list[i]].weight = weights[i];
            emit AgentUpdated(list[i], weights[i]);
        }
        emit Settled(msg.value, list.length);
    }

    function _accrue(address agent) private {
        Agent storage one = agents[agent];
        one.pending += one.weight * (cumulativeRewardPerWeight - one.rewardSnapshot) / 1e18;
        one.rewardSnapshot = cumulativeRewardPerWeight;
    }

    function _claim(address agent) private {
        _accrue(agent);
        uint256 amount = agents[agent].pending;
        require(amount > 0, "nothing to claim");
        agents[agent].pending = 0;
        (bool sent,) = agent.call{value: amount}("");
        require(sent, "transfer failed");
        emit Claimed(agent, amount);
    }

    function _payAll(address[] calldata list) private {
        for (uint256 i = 0; i < list.length; ++i) {
            _accrue(list[i]);
            uint256 amount = agents[list[i]].pending;
            if (amount == 0) continue;
            agents[list[i]].pending = 0;
            (bool sent,) = list[i].call{value: amount}("");
            if (sent) emit Claimed(list[i], amount);
            else agents[list[i]].pending = amount;
        }
    }
}
