// SPDX-License-Identifier: Apache-2.0
// The page of ioswarm. It asks the server every 2 seconds while it can be seen, and shows what it gets. What agents
// send (ids, regions, versions) is set as text only, never as HTML.
'use strict';

(() => {
  const POLL_MS = 2000;
  const DEPARTED_MS = 30000;
  const GIVE_UP_MS = 10000;      // for one answer
  const OLD_AFTER_MS = 7000;     // figures older than this are called old
  const HISTORY_EVERY_MS = 10000;
  const HOUR_S = 3600;
  const KEY = 'ioswarm-key';     // in the tab's session storage: "NAME:KEY"

  const agentId = new URLSearchParams(location.search).get('agent') || '';
  const byId = (id) => document.getElementById(id);

  // ---- Text and numbers ----

  const DASH = '–';
  const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);
  const number = (value, digits = 0) => isNumber(value)
    ? value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }) : DASH;
  const unit = (value, name, digits = 0) => isNumber(value) ? `${number(value, digits)} ${name}` : DASH;
  // Rounded down, so that 99.998 % is not shown as 100 %.
  const percent = (value) => isNumber(value) ? `${number(Math.floor(value * 100) / 100, 2)} %` : DASH;
  const count = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

  function duration(seconds) {
    if (!isNumber(seconds)) return DASH;
    const s = Math.max(0, Math.round(seconds));
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} days`;
  }

  function bytes(value) {
    if (!isNumber(value)) return DASH;
    for (const [size, name] of [[1e12, 'TB'], [1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB']]) {
      if (value >= size) return unit(value / size, name, 2);
    }
    return unit(value, 'B');
  }

  // Amounts are exact decimal texts, except those of /api/rewards, which are numbers. At most four digits after the point
  // are shown, cut and not rounded.
  function iotx(amount) {
    const text = isNumber(amount) ? amount.toFixed(6) : amount;
    if (typeof text !== 'string') return DASH;
    const [whole, part = ''] = text.split('.');
    const cut = part.slice(0, 4).replace(/0+$/, '');
    if (whole === '0' && cut === '' && Number(amount) > 0) return '< 0.0001 IOTX';
    return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${cut ? '.' + cut : ''} IOTX`;
  }

  // ---- Elements ----

  function element(tag, content, className) {
    const out = document.createElement(tag);
    if (content instanceof Node) out.append(content);
    else if (content !== undefined && content !== null) out.textContent = String(content);
    if (className) out.className = className;
    return out;
  }

  function time(seconds) {
    if (!isNumber(seconds) || seconds <= 0) return element('span', DASH);
    const date = new Date(seconds * 1000);
    const out = element('time', date.toLocaleString());
    out.dateTime = date.toISOString();
    out.title = `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
    return out;
  }

  function agentLink(id) {
    const out = element('a', id);
    out.href = `/?agent=${encodeURIComponent(id)}`;
    return out;
  }

  // A hash, short until it is pressed. What was opened stays open when the table is drawn again.
  const openHashes = new Set();
  function hash(text) {
    if (!text) return element('span', DASH);
    const short = `${text.slice(0, 8)}…${text.slice(-6)}`;
    const out = element('button', '', 'hash');
    const show = () => {
      out.textContent = openHashes.has(text) ? text : short;
      out.setAttribute('aria-expanded', String(openHashes.has(text)));
    };
    out.type = 'button';
    out.title = text;
    out.dataset.keep = text;
    out.addEventListener('click', () => {
      if (!openHashes.delete(text)) openHashes.add(text);
      show();
    });
    show();
    return out;
  }

  function list(nodes) {
    const out = document.createDocumentFragment();
    nodes.forEach((node, index) => out.append(...(index ? [' ', node] : [node])));
    return out;
  }

  // Draws again only what changed, and gives the focus back to what had it.
  function replace(target, content) {
    const fresh = element('div');
    fresh.append(content);
    const old = [...target.childNodes];
    if (old.length === fresh.childNodes.length && old.every((node, i) => node.isEqualNode(fresh.childNodes[i]))) return;
    const focused = target.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = target.querySelector('.scroll')?.scrollLeft ?? 0;
    target.replaceChildren(...fresh.childNodes);
    const scroll = target.querySelector('.scroll');
    if (scroll) scroll.scrollLeft = scrolled;
    if (!focused) return;
    const same = (node) => node.dataset.keep ? node.dataset.keep === focused.dataset.keep
      : node.href ? node.href === focused.href : node.className === focused.className;
    [...target.querySelectorAll('a, button, .scroll')].find(same)?.focus({ preventScroll: true });
  }

  // columns: [header, class, cell(row)]. The class "n" aligns numbers.
  function table(caption, columns, rows) {
    const out = element('table');
    out.append(element('caption', caption));
    const head = element('tr');
    for (const [title, className] of columns) {
      const cell = element('th', title, className === 'n' ? 'n' : '');
      cell.scope = 'col';
      head.append(cell);
    }
    out.append(element('thead', head));
    const body = element('tbody');
    for (const row of rows) {
      const line = element('tr');
      for (const [, className, cell] of columns) line.append(element('td', cell(row), className));
      body.append(line);
    }
    out.append(body);
    const scroll = element('div', out, 'scroll');
    scroll.tabIndex = 0;  // so that the keyboard can scroll it
    scroll.setAttribute('role', 'region');
    scroll.setAttribute('aria-label', caption);
    return scroll;
  }

  const note = (text) => element('p', text, 'note');

  // rows: [name, value, more]
  function tiles(target, rows) {
    const out = document.createDocumentFragment();
    for (const [name, value, more] of rows) {
      const tile = element('div');
      tile.append(element('dt', name), element('dd', value));
      if (more) tile.append(element('dd', more));
      out.append(tile);
    }
    replace(target, out);
  }

  // ---- Is everything well? ----

  // What to do about a reason of /readyz, by the part that it names.
  const TO_DO = {
    source: 'See that the node runs and that node.grpc names its API port.',
    web3: 'See that node.web3 names the web3 port of the node and that the node answers there.',
    node: 'See that the node runs and that node.grpc names its API port.',
    ledger: 'Look for free space and errors of the disk that holds the data directory. ioswarm goes on by itself afterwards.',
    settlement: 'Run "ioswarm settle status" on the server. It says what to do.',
    diffs: 'See that node.diffs names the port for state diffs and that the node sends them.',
    'port for agents': 'ioswarm is starting or stopping. Look into its log if this lasts.',
  };

  function problemsOf(data) {
    const out = data.reasons.map((one) =>
      ['bad', `${one.part}: ${one.why}`, TO_DO[one.part] || 'Look into the log of ioswarm for details.']);
    if (data.agents_live === 0) {
      out.push(['bad', 'No agent works.', 'Make a key with "ioswarm keygen --agent ID" and start an agent with it.']);
    }
    if (data.compared >= 100 && data.accuracy_pct < 99) {
      out.push(['warn', `Only ${percent(data.accuracy_pct)} of the compared answers were right.`,
        'Look for the agents with a low accuracy in the list of agents.']);
    }
    if (isNumber(data.coverage_pct) && data.coverage_pct < 50 && data.uptime_s > 600) {
      out.push(['warn', `Only ${percent(data.coverage_pct)} of the mined transactions were handed out to agents before.`,
        'Add agents, or look into the log for reads of the node that take long.']);
    }
    if (data.snapshot) {
      const hours = (data.updated_at - Date.parse(data.snapshot.time) / 1000) / 3600;
      if (hours > 25) {
        out.push(['warn', `The newest snapshot is ${duration(hours * 3600)} old.`,
          'Look at the timer that makes snapshots: systemctl status ioswarm-snapshot-roll.timer']);
      }
    }
    return out;
  }

  // While the server is away the last verdict says nothing about now.
  function showUnknown() {
    byId('verdict').className = 'box warn';
    byId('verdict-title').textContent = '? Not known: the server does not answer';
    byId('problems').replaceChildren();
  }

  function showVerdict(data) {
    const problems = problemsOf(data);
    const isBad = problems.some(([kind]) => kind === 'bad');
    const box = byId('verdict');
    box.hidden = false;
    box.className = `box ${isBad ? 'bad' : problems.length ? 'warn' : 'good'}`;
    byId('verdict-title').textContent = isBad ? '✕ Something is wrong' : problems.length ? '! Mostly well' : '✓ All is well';
    const lines = document.createDocumentFragment();
    for (const [, what, toDo] of problems) {
      const line = element('li');
      line.append(element('strong', what), ' ', toDo);
      lines.append(line);
    }
    replace(byId('problems'), lines);
  }

  // ---- The overview ----

  // What became of an epoch's payouts. `states` counts them by the words of /api/rewards.
  const STATES = {
    paid: '✓ paid', credited: '✓ credited, the wallet must claim it', announced: 'announced; no contract is set',
    owed: '… waits for its settlement', unpaid: '! kept: the agent has no wallet', 'no wallet': '! kept: the agent has no wallet',
    reverted: '✕ reverted', final_reverted: '✕ reverted', cancelled: '✕ cancelled', unknown: '? cannot be read now',
  };
  const stateText = (state) => STATES[state] || `… on its way (${state})`;
  function statesText(states) {
    const entries = Object.entries(states || {});
    if (!entries.length) return 'nothing to pay';
    if (entries.length === 1) return stateText(entries[0][0]);
    return entries.map(([state, many]) => `${number(many)} × ${stateText(state)}`).join('; ');
  }

  // The newest answers of the server that more than one part of the page needs.
  const latest = { point: null, totals: null, agent: null };

  function showOverview(data) {
    const last = data.epochs[0];
    const point = latest.point;
    tiles(byId('tiles'), [
      ['Agents at work', number(data.agents_live), `${number(data.agents_total)} registered`],
      ['Answers that were right', percent(data.accuracy_pct), `${count(data.compared, 'answer', 'answers')} compared with blocks`],
      ['Last epoch paid', last ? iotx(last.amount_iotx) : DASH, last ? `epoch ${last.epoch}: ${statesText(last.states)}`
        : data.has_rewards ? 'no epoch has ended yet' : 'no reward is set (epochRewardIOTX)'],
      ['Tasks per second', point ? number(point.tasks_per_s, 1) : DASH, `${number(data.tasks_received)} answered in all`],
      ['Newest block', number(data.height), isNumber(data.lag_s) ? `${duration(data.lag_s)} old` : 'age unknown'],
      ['Coverage', percent(data.coverage_pct), 'handed out before they were mined'],
      ['Latency', point ? unit(point.latency_ms, 'ms', 1) : DASH, 'from a batch to its answer'],
      ['Running for', duration(data.uptime_s), `task level ${data.task_level}${data.shadow_mode ? ', shadow mode' : ''}`],
    ]);
    showEpochs(data);
    showSnapshot(data);
    const levels = Object.entries(data.agents_by_level);
    replace(byId('levels'), levels.length ? table('Agents at work, by level', [
      ['Level', '', ([level]) => level], ['Agents', 'n', ([, many]) => number(many)]], levels) : note('No agent works.'));
  }

  function showEpochs(data) {
    const running = data.epoch;
    const blocks = running.blocks ? `${number(running.blocks_done)} of ${number(running.blocks)} blocks` : '';
    byId('epoch-now').textContent = `Epoch ${running.number} runs: ${blocks}, ${count(running.tasks, 'task', 'tasks')} by ` +
      `${count(running.agents, 'agent', 'agents')}, accuracy ${percent(running.accuracy_pct)}.`;
    if (!data.epochs.length) {
      return replace(byId('epochs'), note(data.epochs_problem ? `The epochs cannot be read now: ${data.epochs_problem}`
        : 'No epoch has ended yet.'));
    }
    replace(byId('epochs'), table('Epochs that ended, newest first', [
      ['Epoch', 'n', (one) => number(one.epoch)],
      ['Ended', '', (one) => time(one.ended_at)],
      ['Last block', 'n', (one) => number(one.last_height)],
      ['Tasks', 'n', (one) => number(one.tasks)],
      ['Accuracy', 'n', (one) => percent(one.accuracy_pct)],
      ['Agents paid', 'n', (one) => `${number(one.paid_agents)} of ${number(one.agents)}`],
      ['Paid to agents', 'n', (one) => iotx(one.amount_iotx)],
      ['Settlement', 'w', (one) => statesText(one.states)],
      ['Transactions', '', (one) => one.transactions.length ? list(one.transactions.map(hash)) : DASH],
    ], data.epochs));
  }

  function showSnapshot(data) {
    const one = data.snapshot;
    if (!one) {
      return replace(byId('snapshot'), note(data.publishes_snapshots ? 'None is published yet.'
        : 'None is published: snapshotDir is not set.'));
    }
    replace(byId('snapshot'), table('What a new agent downloads', [
      ['File', 'id', () => one.file], ['Block', 'n', () => number(one.height)], ['Size', 'n', () => bytes(one.bytes)],
      ['Made', '', () => time(Date.parse(one.time) / 1000)], ['SHA-256', '', () => hash(one.sha256)]], [one]));
  }

  // ---- What needs a key ----

  function showDetails(data) {
    byId('details').hidden = false;
    const ranks = new Map(data.leaderboard.map((one) => [one.agent_id, one]));
    const rank = (agent) => ranks.get(agent.id);
    replace(byId('regions'), table('Agents at work, by region', [
      ['Region', 'id', ([region]) => region || 'not named'], ['Agents', 'n', ([, many]) => number(many)]],
    Object.entries(data.regions)));
    replace(byId('agents'), data.agents.length ? table('Agents; rank, accuracy and latency are of the running epoch', [
      ['Rank', 'n', (one) => number(rank(one)?.rank)],
      ['Agent', 'id', (one) => agentLink(one.id)],
      ['Level', '', (one) => one.level],
      ['Region', 'id', (one) => one.region || DASH],
      ['Tasks', 'n', (one) => number(one.tasks)],
      ['Accuracy', 'n', (one) => percent(rank(one)?.accuracy_pct)],
      ['Latency', 'n', (one) => unit(rank(one)?.latency_ms, 'ms', 1)],
      ['Pending', 'n', (one) => number(one.pending)],
      ['Version', 'id', (one) => one.version || DASH],
      ['Last heartbeat', '', (one) => time(one.last_heartbeat)],
    ], data.agents) : note('No agent is registered.'));
    showSettlement(data.settlement);
    showDiffs(data.diffs);
  }

  // Agents that were here in the last 24 hours, and what they are owed. An amount that is not known is a dash.
  function showDeparted(agents) {
    replace(byId('departed'), agents.length ? table('Agents of the last 24 hours that have left', [
      ['Agent', 'id', (one) => agentLink(one.id)],
      ['Level', '', (one) => one.level || DASH],
      ['Region', 'id', (one) => one.region || DASH],
      ['Tasks in this epoch', 'n', (one) => number(one.unpaid_tasks)],
      ['Waits for payment', 'n', (one) => iotx(one.unpaid_iotx)],
      ['Last heartbeat', '', (one) => time(Date.parse(one.last_heartbeat) / 1000)],
    ], agents) : '');
  }

  function showSettlement(one) {
    if (!one) {
      return replace(byId('settlement'), note('No contract is set (rewardContract): payouts are announced to agents and ' +
        'not paid on a chain.'));
    }
    if (one.problem) return replace(byId('settlement'), note(`It cannot be shown: ${one.problem}`));
    const rows = [
      ['State', one.halt ? `✕ halted: ${one.halt}` : one.hold ? `! waits: ${one.hold}` : one.live ? `… ${one.live}` : '✓ nothing is under way'],
      ['Balance of the paying wallet', one.balance_iotx === null ? 'not known' : iotx(one.balance_iotx)],
      ['Epochs that the balance pays', one.epochs_left === null ? DASH : number(one.epochs_left)],
      ['Waits for payment', `${iotx(one.owed_iotx)} in ${count(one.owed_payouts, 'payout', 'payouts')}`],
      ['Kept for agents without a wallet', iotx(one.no_wallet_iotx)],
      ['Paid so far', iotx(one.paid_iotx)],
      ['Paying wallet', hash(one.wallet)],
      ['Contract', hash(one.contract)],
    ];
    replace(byId('settlement'), table('Payments to agents', [['What', '', ([what]) => what], ['Figure', 'w', ([, figure]) => figure]], rows));
  }

  function showDiffs(one) {
    if (!one) return replace(byId('diffs'), note('The source gives no state diffs.'));
    const out = document.createDocumentFragment();
    if (one.alarm) out.append(element('p', `✕ No diffs come in: ${one.alarm}`, 'bad'));
    out.append(element('p', one.tip ? `The log holds blocks ${number(one.floor)} to ${number(one.tip)}.` : 'The log is empty.'));
    out.append(one.subscribers.length ? table('Agents that read state diffs', [
      ['Agent', 'id', (reader) => agentLink(reader.agent_id)],
      ['Next block', 'n', (reader) => number(reader.next)],
      ['Behind', 'n', (reader) => count(reader.lag, 'block', 'blocks')]], one.subscribers) : note('No agent reads them.'));
    replace(byId('diffs'), out);
  }

  // ---- One agent ----

  function showRewards(data) {
    const rows = data.history;
    const totals = data.totals;
    latest.totals = totals;
    replace(byId('earnings'), rows.length ? table('Epochs that paid this agent, newest first', [
      ['Epoch', 'n', (one) => number(one.epoch)],
      ['Amount', 'n', (one) => iotx(one.amount_iotx)],
      ['Tasks', 'n', (one) => number(one.tasks)],
      ['Accuracy', 'n', (one) => percent(one.accuracy_pct)],
      ['Rank', 'n', (one) => number(one.rank)],
      ['Bonus', '', (one) => one.bonus_applied ? 'yes' : 'no'],
      ['Settlement', 'w', (one) => stateText(one.state || 'announced')],
      ['Transaction', '', (one) => hash(one.transaction)],
    ], rows.slice(0, 50)) : note('No epoch has paid this agent yet.'));
  }

  const VERDICTS = { right: '✓ right', wrong: '✕ wrong', excused: '✓ counts as right: it could not know better' };

  function showAgent(data) {
    latest.agent = data;
    replace(byId('answers'), data.answers.length ? table('Answers that were compared with blocks, newest first', [
      ['Block', 'n', (one) => number(one.height)],
      ['Time', '', (one) => time(one.time)],
      ['Transaction', '', (one) => hash(one.action)],
      ['It said', '', (one) => one.valid ? 'valid' : 'invalid'],
      ['Verdict', 'w', (one) => VERDICTS[one.verdict] || one.verdict],
    ], data.answers) : note('None of its answers was compared since the server started.'));
  }

  function showAgentTiles() {
    const totals = latest.totals;
    const data = latest.agent;
    const rows = [];
    if (data) {
      rows.push(['State', data.agent ? '✓ registered' : '✕ not registered',
        data.agent ? `level ${data.agent.level}, region ${data.agent.region || 'not named'}` : 'it is not connected now']);
      rows.push(['Rank in this epoch', data.rank ? number(data.rank.rank) : DASH,
        data.rank ? `of ${count(data.ranked, 'agent', 'agents')}` : 'no task in this epoch yet']);
      rows.push(['Right in this epoch', percent(data.rank?.accuracy_pct), data.rank ? `${count(data.rank.tasks, 'task', 'tasks')}` : '']);
      rows.push(['Latency', unit(data.rank?.latency_ms, 'ms', 1), 'as the agent measures it']);
    }
    if (totals) {
      rows.push(['Earned in all', iotx(totals.earned_iotx), totals.unpaid_iotx > 0
        ? `${iotx(totals.unpaid_iotx)} kept: no wallet` : '']);
      rows.push(['Tasks in ended epochs', number(totals.total_tasks),
        totals.total_tasks > 0 ? `accuracy ${percent(totals.avg_accuracy)}` : 'no epoch with its work has ended']);
    }
    tiles(byId('agent-tiles'), rows);
  }

  // ---- Charts ----

  const CHARTS = [
    ['tasks_per_s', 'Tasks per second', (value) => number(value, 1), { min: 0 }],
    ['accuracy_pct', 'Answers that were right', percent, { suggestedMin: 99, max: 100 }],
    ['latency_ms', 'Latency, from a batch to its answer', (value) => unit(value, 'ms', 1), { min: 0 }],
    ['agents', 'Agents at work', (value) => number(value), { min: 0, ticks: { precision: 0 } }],
  ];
  const points = [];
  const drawn = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clockTime = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

  function makeChart([field, title, text, scale]) {
    const figure = element('figure');
    const caption = element('figcaption', title);
    const summary = element('span');
    caption.append(summary);
    const plot = element('div', undefined, 'plot');
    const canvas = element('canvas');
    canvas.setAttribute('role', 'img');
    plot.append(canvas);
    figure.append(caption, plot);
    byId('charts').append(figure);
    const chart = new Chart(canvas, {
      type: 'line',
      data: { datasets: [{ data: [], borderWidth: 2, pointRadius: (point) => point.dataset.data.length < 2 ? 3 : 0, pointHitRadius: 8, spanGaps: true, clip: 4 }] },
      options: {
        animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: true,
        plugins: { legend: { display: false }, tooltip: { callbacks: {
          title: (items) => new Date(items[0].raw.x * 1000).toLocaleTimeString(), label: (item) => text(item.raw.y) } } },
        scales: {
          x: { type: 'linear', ticks: { maxTicksLimit: 5, maxRotation: 0, callback: clockTime } },
          y: { ...scale, ticks: { maxTicksLimit: 5, ...(scale.ticks || {}) } },
        },
      },
    });
    return { field, title, text, chart, summary, canvas };
  }

  function drawCharts() {
    byId('no-history').hidden = points.length > 0;
    byId('charts').hidden = points.length === 0;
    if (!points.length || typeof Chart === 'undefined') return;
    if (!drawn.length) drawn.push(...CHARTS.map(makeChart));
    const newest = points[points.length - 1].time;
    const span = Math.max(300, newest - points[0].time);
    for (const { field, title, text, chart, summary, canvas } of drawn) {
      const values = points.map((one) => one[field]).filter(isNumber);
      const shown = values.length ? `now ${text(values[values.length - 1])}, lowest ${text(Math.min(...values))}, ` +
        `highest ${text(Math.max(...values))}` : 'nothing yet';
      summary.textContent = shown;
      canvas.setAttribute('aria-label', `${title} in the last hour: ${shown}`);
      const { data, options } = chart;
      data.datasets[0].data = points.map((one) => ({ x: one.time, y: isNumber(one[field]) ? one[field] : NaN }));
      data.datasets[0].borderColor = colour('--chart');
      options.scales.x.min = newest - Math.min(span, HOUR_S);
      options.scales.x.max = newest;
      for (const axis of [options.scales.x, options.scales.y]) {
        axis.ticks.color = colour('--dim');
        axis.grid = { color: colour('--line') };
      }
      chart.update('none');
    }
  }

  function addPoints(data) {
    for (const point of data.points) {
      if (!points.length || point.time > points[points.length - 1].time) points.push(point);
    }
    while (points.length && points[0].time < points[points.length - 1].time - HOUR_S) points.shift();
    latest.point = points[points.length - 1] || null;
    drawCharts();
  }

  // ---- Asking the server ----

  const state = { needsKey: true, wrongKey: false, askedHistory: 0, askedDeparted: 0, answeredAt: 0, awaySince: 0, busy: false, timer: 0 };

  async function ask(path, withKey) {
    const headers = {};
    const key = withKey ? sessionStorage.getItem(KEY) : null;
    if (key) headers.Authorization = `Bearer ${key}`;
    const reply = await fetch(path, { headers, cache: 'no-store', signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (reply.status === 401) return null;
    if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
    return reply.json();
  }

  async function askMore() {
    const hasKey = sessionStorage.getItem(KEY) !== null;
    const mayAsk = !state.needsKey || hasKey;
    const path = agentId ? `/swarm/agent?agent=${encodeURIComponent(agentId)}` : '/swarm/overview';
    const data = mayAsk ? await ask(path, true) : null;
    byId('key').hidden = data !== null;
    byId('forget').hidden = !hasKey;
    if (data && agentId) showAgent(data);
    else if (data) {
      showDetails(data);
      await askDeparted();
    }
    if (data === null && hasKey) {
      sessionStorage.removeItem(KEY);
      byId('key-problem').textContent = 'This name and key were refused. The key may be mistyped or revoked.';
    }
    if (data === null) {
      byId('details').hidden = true;
      latest.agent = null;
      if (agentId) replace(byId('answers'), note('They are shown to holders of a key.'));
    }
  }

  // The server reads the ledger once for each of them, so the page asks less often than for all else.
  async function askDeparted() {
    if (Date.now() - state.askedDeparted < DEPARTED_MS) return;
    const all = await ask('/swarm/agents?all=1', true);
    state.askedDeparted = Date.now();
    if (all) showDeparted(all.agents.filter((one) => !one.online));
  }

  async function askAll() {
    const overview = await ask('/api/overview', false);
    if (overview === null) throw new Error('the server answered 401');
    state.needsKey = overview.needs_key;
    showVerdict(overview);
    // Shown before the charts are made, since a chart takes its size from the page.
    byId(agentId ? 'agent' : 'overview').hidden = false;
    if (agentId) {
      showRewards(await ask(`/api/rewards?agent=${encodeURIComponent(agentId)}`, false));
    } else {
      if (Date.now() - state.askedHistory >= HISTORY_EVERY_MS) {
        addPoints(await ask(`/api/history?after=${latest.point ? latest.point.time : 0}`, false));
        state.askedHistory = Date.now();
      }
      showOverview(overview);
    }
    await askMore();
    if (agentId) showAgentTiles();
  }

  function showFreshness() {
    const line = byId('freshness');
    const at = (ms) => new Date(ms).toLocaleTimeString();
    if (state.awaySince) {
      const figures = state.answeredAt ? `The figures below are of ${at(state.answeredAt)}.` : '';
      line.textContent = `✕ The server has not answered since ${at(state.awaySince)}. ${figures} Trying again…`;
      line.className = 'bad';
      showUnknown();
    } else if (state.answeredAt) {
      const age = Date.now() - state.answeredAt;
      line.textContent = age > OLD_AFTER_MS ? `! These figures are ${duration(age / 1000)} old.` : `Live, updated ${at(state.answeredAt)}`;
      line.className = age > OLD_AFTER_MS ? 'bad' : '';
    }
  }

  async function round() {
    clearTimeout(state.timer);
    if (document.hidden || state.busy) return;
    state.busy = true;
    try {
      await askAll();
      state.answeredAt = Date.now();
      state.awaySince = 0;
    } catch (problem) {
      state.awaySince = state.awaySince || Date.now();
    }
    state.busy = false;
    showFreshness();
    if (!document.hidden) state.timer = setTimeout(round, POLL_MS);
  }

  function start() {
    if (agentId) {
      document.title = `${agentId} – ioswarm`;
      byId('subject').textContent = `agent ${agentId}`;
    }
    byId('key-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const key = `${byId('key-name').value.trim()}:${byId('key-secret').value.trim()}`;
      byId('key-secret').value = '';
      if (!/^[\x21-\x7e]+$/.test(key)) {  // a request cannot carry anything else
        byId('key-problem').textContent = 'A name and a key have only visible ASCII characters and no space.';
        return;
      }
      byId('key-problem').textContent = '';
      sessionStorage.setItem(KEY, key);
      round();
    });
    byId('forget').addEventListener('click', () => {
      sessionStorage.removeItem(KEY);
      location.reload();
    });
    document.addEventListener('visibilitychange', () => { showFreshness(); round(); });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts);
    setInterval(showFreshness, 1000);
    round();
  }

  start();
})();
