// Cloud and edge come apart in every way that docs/replication.md lists, over real processes and real disks, and are
// brought together again: equal roots, every acknowledged frame in the central ledger exactly once, sessions counted once.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, cpSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, otherKey, Process, test, until } from './harness.mjs';

// Two days ago, as if it had been delivered late: older than two months nobody would believe it.
const BEGUN = Math.floor(Date.now() / 60_000) * 60_000 - 48 * 3600 * 1000;
const AT = (minute) => new Date(BEGUN + 60_000 * minute).toISOString();

/** A session of 30 minutes; returns what was said, to be said again. */
async function charge(point, minute, meterStart = 1000 * minute) {
  const start = { connectorId: 1, idTag: 'T', meterStart, timestamp: AT(minute) };
  // A generation that begins ends the agent's life, and with it the connection, at any moment.
  const { transactionId } = await point.deliver('StartTransaction', start);
  const stop = { transactionId, meterStop: meterStart + 500, timestamp: AT(minute + 30) };
  await point.deliver('StopTransaction', stop);
  return { start, stop };
}

/** After its agent was restarted, a client connects again by itself. */
function back(point) {
  return until('the charge point is connected again', () => point.call('Heartbeat', {}));
}

/** Ids begin, at each start, behind the seconds since 2020: an image that starts before that gives the same one again. */
async function past({ stop: { transactionId } }) {
  await until('its ids are past', () => Date.now() / 1000 - Date.UTC(2020) / 1000 > transactionId + 1);
}

/** The agent's life ends when a generation begins, and with it every connection. */
async function begun(network, generations) {
  return until(`generation ${generations} has begun`, async () => {
    const { logs: [log] } = await network.ctl('log', 'list');
    return log.replicating && log.generations.length === generations;
  });
}

async function connect(network, id = 'CP-1') {
  const point = new ChargePoint(network.url, id);
  await point.connect();
  return point;
}

/** A network whose site has talked for a while; 2,200 calls and their answers are more than sixteen bundles, which are sealed. */
async function busy({ calls = 600, ...options } = {}) {
  const network = await new Network(options).start();
  const point = await connect(network);
  for (let i = 0; i < calls; i += 1) await point.call('DataTransfer', { vendorId: 'v', data: randomBytes(400).toString('hex') });
  await charge(point, 1);
  await network.level();
  return { network, point };
}

/** All frames of a site at the ledger, of every generation and those carried over; text -> how often. */
async function framesOf(network, site = 'north') {
  const { logs } = await network.ctl('log', 'list');
  const log = logs.find((l) => l.site === site);
  const counts = new Map();
  for (const { generation } of log.generations) {
    for (const { entry, bytes } of await network.ctl('log', 'entries', site, '--generation', String(generation), '--count', '0')) {
      void bytes;
      let frame = entry.frameRecorded;
      if (entry.orphanedEntry) {
        // An entry is a protobuf message whose payload stands in it as it is.
        const inner = Buffer.from(entry.orphanedEntry.entry, 'base64').toString('latin1');
        const text = /\[[234],"[\s\S]*\]/.exec(inner)?.[0];
        frame = text && { payload: Buffer.from(text, 'latin1').toString('base64') };
      }
      if (!frame) continue;
      const text = Buffer.from(frame.payload ?? '', 'base64').toString();
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  return counts;
}

/** Every call that was answered, and its answer, are in the central ledger, each once. */
async function assertAllOnce(network, ...points) {
  const counts = await framesOf(network);
  for (const point of points) {
    for (const { call, answer } of point.answered) {
      assert.equal(counts.get(call), 1, call.slice(0, 100));
      assert.equal(counts.get(answer), 1, answer.slice(0, 100));
    }
  }
}

/** Both sides say the same of every generation, now. */
async function assertEqualRoots(network) {
  await until('all generations have equal roots on both sides', async () => {
    const { report } = await network.ctl('divergence', 'compare', 'north');
    return report.generations.every((g) => g.kind === 'DIVERGENCE_KIND_UNSPECIFIED' &&
      g.author.size === g.holder.size && g.author.root === g.holder.root) && report.generations;
  });
}

async function divergences(network, ...args) {
  return (await network.ctl('divergence', 'list', ...args)).divergences ?? [];
}

async function resolved(network, kind, side) {
  return until(`a ${kind} is found and resolved`, async () => (await divergences(network)).find((d) =>
    d.found.kind === `DIVERGENCE_KIND_${kind}` && d.found.side === `DIVERGENCE_SIDE_${side}` && d.resolved));
}

function copy(network, who, name) {
  cpSync(join(network.dir, who), join(network.dir, name), { recursive: true });
}

function restore(network, name, who) {
  rmSync(join(network.dir, who), { recursive: true });
  renameSync(join(network.dir, name), join(network.dir, who));
}

/** Flips a bit in the data of the largest table of a stopped process. */
function rot(network, who) {
  const log = join(network.dir, who, 'log');
  const [table] = readdirSync(log).filter((name) => name.endsWith('.sst'))
    .map((name) => ({ path: join(log, name), size: statSync(join(log, name)).size }))
    .sort((a, b) => b.size - a.size);
  const file = openSync(table.path, 'r+');
  const byte = Buffer.alloc(1);
  const at = Math.floor(table.size * 0.3);
  readSync(file, byte, 0, 1, at);
  byte[0] ^= 0x40;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}

function tamper(network, who, sequence) {
  execFileSync(process.env.TAMPER, [join(network.dir, who), 'north', String(sequence)], { stdio: 'pipe' });
}

/** Stops both, starts both: what was in the write-ahead log goes into tables. */
async function settle(network) {
  await network.stop();
  await network.start();
  await network.level();
  await network.stop();
}

async function metrics(network) {
  return new Promise((resolve) => {
    get(`http://${/metrics on (\S+)/.exec(network.ledger.stdout)[1]}/metrics`, { agent: false }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data)).on('end', () => resolve(text));
    });
  });
}

test('a fork, made by an old disk image that went on alone, is reconciled without losing an entry of either branch', async () => {
  const { network, point } = await busy({ ledgerArgs: ['--metrics-listen', '127.0.0.1:0'] });
  await network.agent.stop();
  copy(network, 'agent', 'image');
  await network.startAgent();
  await back(point);
  const said = await charge(point, 100);
  const newest = await charge(point, 200);
  await network.level();
  await point.close();
  await network.agent.stop();
  await network.ledger.stop();
  restore(network, 'image', 'agent');
  await past(newest);
  // Alone, the image numbers on. The charge point repeats a session whose answers it has never got, and has a new one.
  await network.startAgent();
  const again = await connect(network);
  await again.call('StartTransaction', said.start);
  await again.call('StopTransaction', said.stop);
  await charge(again, 300);
  await charge(again, 400);
  await network.startLedger();
  const fork = await resolved(network, 'FORK', 'AUTHOR');
  assert.ok(Number(fork.resolved.entriesRecovered) > 0);
  assert.match(fork.found.authorCheckpoint, /^operator\/north\//);
  assert.match(fork.found.holderCheckpoint, /chargeledger/);
  await begun(network, 2);
  const last = await until('the agent answers again', () => connect(network, 'CP-2'));
  await charge(last, 500);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point, again, last);
  // Sessions: 1 in the common part, 2 in the one branch, 2 more in the other, 1 since.
  const sessions = await until('six sessions are there', async () => {
    const { sessions: all } = await network.ctl('sessions', 'list', '--limit', '0');
    return all.length === 6 && all;
  });
  const starts = sessions.map((s) => `${s.chargePointId} ${s.startedAtUs}`);
  assert.equal(new Set(starts).size, 6, 'no session twice');
  assert.equal((await network.ctl('cdrs', 'list', '--limit', '0')).cdrs.length, 6, 'each billed once');
  const counted = await metrics(network);
  assert.match(counted, /chargeledger_divergences_found_total\{[^}]*kind="fork"[^}]*\} 1/);
  assert.match(counted, /chargeledger_divergences_open\{[^}]*kind="fork"[^}]*\} 0/);
  await network.stop();
});

test('an old disk image that finds the ledger first gets its entries back and goes on in a new generation', async () => {
  // The ledger has time to say what it holds, before the image goes on alone and makes a fork.
  const { network, point } = await busy({ agentArgs: ['--ask-ledger-ms', '20000'] });
  await network.agent.stop();
  copy(network, 'agent', 'image');
  await network.startAgent();
  await back(point);
  await charge(point, 100);
  await network.level();
  await point.close();
  await network.agent.stop();
  restore(network, 'image', 'agent');
  await until('the stream is over', async () => !(await network.ctl('log', 'list')).logs[0].replicating);
  await network.startAgent();
  const stale = await resolved(network, 'STALE_AUTHOR', 'AUTHOR');
  assert.ok(Number(stale.resolved.entriesRecovered) >= 4);
  await begun(network, 2);
  const again = await connect(network);
  await charge(again, 200);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point, again);
  const { sessions } = await network.ctl('sessions', 'list', '--limit', '0');
  assert.equal(new Set(sessions.map((session) => session.transactionId)).size, 3, 'no transaction id was given twice');
  assert.equal(sessions.length, 3);
  const { logs: [log] } = await network.ctl('log', 'list');
  assert.equal(log.generations.length, 2);
  await network.stop();
});

test('a ledger that was restored to yesterday is sent again what it had cosigned, and says so', async () => {
  const { network, point } = await busy();
  await network.ledger.stop();
  copy(network, 'ledger', 'yesterday');
  await network.startLedger();
  await charge(point, 100);
  await network.level();
  await network.ledger.stop();
  restore(network, 'yesterday', 'ledger');
  await network.startLedger();
  const lost = await resolved(network, 'HOLDER_LOST', 'HOLDER');
  assert.ok(Number(lost.resolved.entriesRecovered) >= 4);
  await charge(point, 200);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point);
  await network.stop();
});

test('bytes that rot in a table at the site are taken from the ledger', async () => {
  const { network, point } = await busy({ calls: 2200 });
  await settle(network);
  rot(network, 'agent');
  // What was folded is gone too: the agent has to read all of its log before it answers.
  rmSync(join(network.dir, 'agent', 'state'), { recursive: true });
  await network.start();
  await until('the agent has mended its store', () => readdirSync(join(network.dir, 'agent')).includes('log.damaged-1'));
  const damaged = await resolved(network, 'DAMAGED', 'AUTHOR');
  assert.equal(damaged.resolved.entriesRecovered, '256', 'a bundle, not the whole log');
  const again = await until('the agent answers again', () => connect(network, 'CP-2'));
  await charge(again, 200);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point, again);
  await network.stop();
  assert.match(execFileSync(process.env.LEDGERCTL, ['fsck', '--data-dir', join(network.dir, 'agent')]).toString(), / 0 findings/);
});

test('bytes that rot in a table at the ledger are taken from the site', async () => {
  const { network, point } = await busy({ calls: 2200 });
  await settle(network);
  rot(network, 'ledger');
  await network.start();
  await until('the ledger has mended its store', () => readdirSync(join(network.dir, 'ledger')).includes('log.damaged-1'));
  await network.level();
  const damaged = await resolved(network, 'DAMAGED', 'HOLDER');
  assert.equal(damaged.resolved.entriesRecovered, '256', 'a bundle, not the whole log');
  await until('nothing of the log is damaged any more', async () => {
    const { logs: [log] } = await network.ctl('log', 'list');
    return !log.damage;
  });
  const again = await until('the agent answers again', () => connect(network, 'CP-2'));
  await charge(again, 200);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point, again);
  await network.stop();
  assert.match(execFileSync(process.env.LEDGERCTL, ['fsck', '--data-dir', join(network.dir, 'ledger')]).toString(), / 0 findings/);
});

test('an entry rewritten at the site, with every hash above it, is found by the signature and kept as evidence', async () => {
  const { network, point } = await busy();
  await network.stop();
  tamper(network, 'agent', 40);
  await network.start();
  const found = await resolved(network, 'TAMPERED', 'AUTHOR');
  assert.equal(found.found.firstDifference, '40');
  const again = await until('the agent answers again', () => connect(network, 'CP-2'));
  await charge(again, 200);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point, again);
  assert.ok([...(await framesOf(network)).keys()].some((text) => text.includes('forged')), 'the forged entry is on record');
  await network.stop();
});

test('an entry rewritten at the ledger, with every hash above it, is found by its own signature; nothing is overwritten until a person says so', async () => {
  const { network, point } = await busy();
  await network.stop();
  tamper(network, 'ledger', 40);
  await network.start();
  const open = await until('it is found', async () => (await divergences(network, '--open')).find((d) =>
    d.found.kind === 'DIVERGENCE_KIND_TAMPERED' && d.found.side === 'DIVERGENCE_SIDE_HOLDER'));
  assert.match(open.found.detail, /the ledger has signed root|contradicts its own signature/);
  const again = await until('the agent answers again', () => connect(network, 'CP-2'));
  await charge(again, 200);
  const { report } = await until('both sides are compared', () => network.ctl('divergence', 'compare', 'north'));
  assert.equal(report.generations[0].kind, 'DIVERGENCE_KIND_TAMPERED');
  assert.deepEqual(report.generations[0].differing.map((r) => [r.first, r.end]), [['40', '41']]);
  assert.ok(report.generations[0].roundTrips <= 4);
  const restored = await network.ctl('divergence', 'restore', 'north', '--generation', '1');
  assert.equal(restored.keptAside, '1');
  await until('nothing is open any more', async () => (await divergences(network, '--open')).length === 0);
  await network.level();
  await assertEqualRoots(network);
  await assertAllOnce(network, point, again);
  const control = await network.ctl('log', 'entries', 'control', '--count', '0');
  assert.ok(control.some(({ entry }) => entry.orphanedEntry &&
    Buffer.from(entry.orphanedEntry.entry, 'base64').includes('forged')), 'the forged entry is on record');
  await network.stop();
});

test('a second agent with the same identity is refused while the first lives, and the attempt is recorded', async () => {
  const { network, point } = await busy();
  await network.agent.stop();
  copy(network, 'agent', 'twin');
  await network.startAgent();
  await network.level();
  const twin = new Process('EDGE_AGENT', ['--site', 'north', '--data-dir', join(network.dir, 'twin'),
    '--ocpp-listen', '127.0.0.1:0', '--ledger', network.ledgerAddress]);
  await twin.address();
  const attempt = await resolved(network, 'SECOND_AGENT', 'AUTHOR');
  assert.match(attempt.found.detail, /a second agent/);
  await until('the second one says why', () => /is live; if another agent has a copy/.test(twin.stderr));
  await back(point);
  await charge(point, 200);
  await network.level();
  await twin.stop();
  await assertAllOnce(network, point);
  await network.stop();
});

test('a site whose disk was replaced by an empty one is held as a new log beside the old, and that is recorded', async () => {
  const { network } = await busy();
  await network.agent.stop();
  rmSync(join(network.dir, 'agent'), { recursive: true });
  await network.startAgent();
  const found = await resolved(network, 'NEW_LOG', 'AUTHOR');
  assert.match(found.found.detail, /comes with a new log; so far it wrote log [0-9a-f]{32}/);
  assert.equal((await network.ctl('log', 'list')).logs.length, 2);
  await network.stop();
});

test('an author that comes with another key is refused and recorded, until it has its own again', async () => {
  const { network } = await busy();
  await network.agent.stop();
  const key = join(network.dir, 'agent', 'signing_key.pem');
  renameSync(key, `${key}.kept`);
  writeFileSync(key, otherKey(), { mode: 0o600 });
  await network.startAgent();
  await until('it is recorded', async () => (await divergences(network, 'north', '--open')).some((d) =>
    d.found.kind === 'DIVERGENCE_KIND_KEY_CHANGED'));
  await network.agent.stop();
  renameSync(`${key}.kept`, key);
  await network.startAgent();
  await resolved(network, 'KEY_CHANGED', 'AUTHOR');
  await network.level();
  await network.stop();
});

test('the control log reaches the site, which records in its own log what it knew', async () => {
  const { network } = await busy();
  await until('the site has taken control entries', async () =>
    (await network.entries()).some(({ entry }) => entry.controlAdvanced));
  await network.ledger.stop();
  await network.startLedger();
  const { generations: [{ head }] } = (await network.ctl('log', 'head', 'control')).log;
  await until('the site knows the restart', async () =>
    (await network.entries()).some(({ entry }) => entry.controlAdvanced?.size === head.size));
  await network.stop();
});

await main();
