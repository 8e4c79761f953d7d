// Sessions over real sockets: OCPP 2.0.1 beside 1.6, what is watched, told, asked as of an earlier position, and a data
// set's sessions said again to the watt-hour.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, Process, test, until } from './harness.mjs';

const run = promisify(execFile);
const BEGUN = Math.floor(Date.now() / 60_000) * 60_000 - 2 * 3600 * 1000;
const AT = (minute) => new Date(BEGUN + 60_000 * minute).toISOString();
const text = async (network, ...args) => (await run(process.env.LEDGERCTL, ['--ledger', network.ledgerAddress, ...args])).stdout;

async function charge16(point, tag, from, to) {
  const { transactionId } = await point.deliver('StartTransaction', { connectorId: 1, idTag: tag, meterStart: from, timestamp: AT(0) });
  await point.deliver('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Charging', timestamp: AT(0) });
  for (const minute of [10, 20]) {
    await point.deliver('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: AT(minute), sampledValue: [
      { value: String(from + ((to - from) * minute) / 30), unit: 'Wh' }, { value: '11', unit: 'kW', measurand: 'Power.Active.Import' }] }] });
  }
  await point.deliver('StopTransaction', { transactionId, meterStop: to, timestamp: AT(30), reason: 'Local' });
}

async function charge201(point, tag, from, to) {
  await point.deliver('BootNotification', { reason: 'PowerUp', chargingStation: { model: 'M', vendorName: 'Foreign' } });
  const authorized = await point.deliver('Authorize', { idToken: { idToken: tag, type: 'ISO14443' } });
  assert.equal(authorized.idTokenInfo.status, 'Accepted');
  let seqNo = 0;
  const say = (eventType, triggerReason, minute, context, more = {}, info = {}) => point.deliver('TransactionEvent', {
    eventType, triggerReason, timestamp: AT(minute), seqNo: seqNo++, evse: { id: 1, connectorId: 1 },
    transactionInfo: { transactionId: 'f3a1-4711', ...info }, ...more,
    meterValue: [{ timestamp: AT(minute), sampledValue: [
      { value: from + ((to - from) * minute) / 30, context, unitOfMeasure: { unit: 'Wh' } },
      { value: 0.11, measurand: 'Power.Active.Import', context, unitOfMeasure: { unit: 'kW', multiplier: 2 } }] }] });
  const started = await say('Started', 'Authorized', 0, 'Transaction.Begin', { idToken: { idToken: tag, type: 'ISO14443' } }, { chargingState: 'Charging' });
  assert.equal(started.idTokenInfo.status, 'Accepted');
  for (const minute of [10, 20]) await say('Updated', 'MeterValuePeriodic', minute, 'Sample.Periodic');
  await say('Ended', 'StopAuthorized', 30, 'Transaction.End', {}, { stoppedReason: 'Local' });
}

test('a charging station that speaks 2.0.1 has the session and the bill that one of 1.6 has', async () => {
  const network = await new Network().start();
  const v16 = new ChargePoint(network.url, 'CP-16');
  const v201 = new ChargePoint(network.url, 'CP-201', ['ocpp2.0.1', 'ocpp1.6']);
  await Promise.all([v16.connect(), v201.connect()]);
  assert.equal(v201.client.protocol, 'ocpp2.0.1');
  await Promise.all([charge16(v16, 'TAG7', 1000, 7000), charge201(v201, 'TAG7', 1000, 7000)]);
  await network.level();
  const { sessions } = await network.ctl('sessions', 'list');
  assert.equal(sessions.length, 2);
  const same = (s) => ({ energyMwh: s.energyMwh, idTag: s.idTag, startedAtUs: s.startedAtUs, stoppedAtUs: s.stoppedAtUs,
    connectorId: s.connectorId, maxPowerMw: s.maxPowerMw, meterStartMwh: s.meterStartMwh, chargingUs: s.chargingUs,
    meterLastMwh: s.meterLastMwh, end: s.end, held: s.held, stopReason: s.stopReason, completeness: s.completeness, flags: s.flags });
  const [a, b] = ['CP-16', 'CP-201'].map((id) => sessions.find((s) => s.chargePointId === id));
  assert.deepEqual(same(a), same(b));
  assert.equal(a.energyMwh, '6000000');
  assert.equal(b.transaction, 'f3a1-4711');
  const { cdrs } = await network.ctl('cdrs', 'list');
  assert.deepEqual(cdrs.map((c) => c.totalCost.inclVatE4), ['30500', '30500']);
  const { stations } = await network.ctl('stations', 'list');
  assert.equal(stations.find((s) => s.chargePointId === 'CP-201').vendor, 'Foreign');
  await network.stop();
});

test('a session is told with the entry of each figure, its power curve, and what was said', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await charge16(point, 'TAG7', 1000, 7000);
  await network.level();
  const [{ id }] = (await network.ctl('sessions', 'list')).sessions;
  const { session, story } = await network.ctl('sessions', 'show', id);
  assert.deepEqual(story.points.map((p) => [p.registerMwh, p.powerMw]), [['3000000', '11000000'], ['5000000', '11000000']]);
  assert.deepEqual(story.events.map((e) => e.action), ['StartTransaction', 'StatusNotification', 'StopTransaction']);
  const entries = await network.frames();
  const frameAt = (sequence) => entries.find((f) => f.sequence === Number(sequence)).text;
  assert.match(frameAt(session.sources.meterStart), /StartTransaction/);
  assert.match(frameAt(session.sources.meterLast), /StopTransaction/);
  assert.match(frameAt(session.sources.maxPower), /MeterValues/);
  const shown = await text(network, 'sessions', 'show', id);
  for (const line of shown.trimEnd().split('\n')) assert.ok([...line].length <= 100, line);
  assert.match(shown, /energy, kWh\s+6\.000, by register/);
  assert.match(shown, /power, up to 11\.0 kW\n {2}\|█+/u);
  await network.stop();
});

test('an answer as of an earlier position has the same bytes after more was recorded, also of a ledger that began again', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  const { transactionId } = await point.deliver('StartTransaction', { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: AT(0) });
  await point.deliver('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: AT(10), sampledValue: [{ value: '2000' }] }] });
  await point.deliver('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available', timestamp: AT(20) });
  await network.level();
  const then = await network.ctl('sessions', 'list');
  assert.equal(then.sessions[0].end, 'SESSION_END_AVAILABLE');
  assert.ok(then.sessions[0].held);
  const [position] = then.asOf;
  const asOf = `${position.site}:${position.generation}:${position.size}`;
  const time = new Date().toISOString();
  // The stop comes late: the correction is a new fact, and the earlier answer stays what it was.
  await new Promise((resolve) => setTimeout(resolve, 5));
  await point.deliver('StopTransaction', { transactionId, meterStop: 3000, timestamp: AT(15), reason: 'Local' });
  await network.level();
  const now = await network.ctl('sessions', 'list');
  assert.equal(now.sessions[0].end, 'SESSION_END_STOP');
  assert.ok(now.sessions[0].flags.includes('SESSION_FLAG_LATE_STOP'));
  assert.equal((await network.ctl('cdrs', 'list')).cdrs.length, 1);
  assert.deepEqual(await network.ctl('sessions', 'list', '--as-of', asOf), then);
  assert.deepEqual((await network.ctl('sessions', 'list', '--as-of', time)).sessions, then.sessions);
  assert.deepEqual((await network.ctl('sessions', 'show', then.sessions[0].id, '--as-of', asOf)).session, then.sessions[0]);
  assert.equal((await network.ctl('cdrs', 'list', '--as-of', asOf)).cdrs.length, 0);
  await network.ledger.stop();
  await network.startLedger();
  await until('the books are open again', async () => (await network.ctl('sessions', 'list')).sessions.length === 1);
  assert.deepEqual(await network.ctl('sessions', 'list', '--as-of', asOf), then);
  for (const [bad, message] of [['north:9:1', /no such generation/], [`north:1:${10 ** 9}`, /it has \d+ entries/], ['soon', /--as-of is "soon"/]]) {
    await assert.rejects(text(network, 'sessions', 'list', '--as-of', bad), (error) => message.test(error.stderr), bad);
  }
  await network.stop();
});

test('who watches sees each session open, grow and close, and lists find those with a flag or held', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  const { transactionId } = await point.deliver('StartTransaction', { connectorId: 1, idTag: 'T', meterStart: 0, timestamp: AT(0) });
  await network.level();
  const watch = new Process('LEDGERCTL', ['--ledger', network.ledgerAddress, 'sessions', 'watch', '--limit', '4']);
  await until('the open session is seen', () => /open/.test(watch.stdout));
  await point.deliver('MeterValues', { connectorId: 1, transactionId, meterValue: [{ timestamp: AT(10), sampledValue: [{ value: '2000' }] }] });
  await until('it grows', () => /2\.000/.test(watch.stdout));
  await point.deliver('StopTransaction', { transactionId, meterStop: 3000, timestamp: AT(15), reason: 'Local' });
  await until('it closes', () => /closed.*3\.000/.test(watch.stdout));
  await point.deliver('StopTransaction', { transactionId: 99_999, meterStop: 500, idTag: 'OTHER', timestamp: AT(40), reason: 'Local' });
  assert.equal(await watch.exited, 0, watch.stderr);
  await network.level();
  const flagged = await network.ctl('sessions', 'list', '--flag', 'missing_start');
  assert.equal(flagged.sessions.length, 1);
  assert.deepEqual((await network.ctl('sessions', 'list', '--held')).sessions, flagged.sessions);
  await assert.rejects(text(network, 'sessions', 'list', '--flag', 'odd'), (error) => /--flag is "odd"; it must be one of missing_stop/.test(error.stderr));
  await network.stop();
});

async function replay(csv, protocol) {
  const network = await new Network().start();
  const truth = join(network.dir, 'truth.json');
  const sim = new Process('CHARGESIM', ['--url', network.url, '--from-csv', csv, '--ocpp', protocol, '--meter-interval', '300', '--summary-json', truth]);
  assert.equal(await sim.exited, 0, sim.stderr);
  await network.level();
  const { sessions } = await network.ctl('sessions', 'list');
  const summary = JSON.parse(readFileSync(truth));
  const total = sessions.reduce((sum, s) => sum + BigInt(s.energyMwh), 0n);
  await network.stop();
  return { sessions, summary, total };
}

test('sessions of a csv file, said in either protocol, add up to the watt-hour', async () => {
  const csv = join(process.env.TEST_TMPDIR ?? '/tmp', 'sessions.csv');
  const rows = Array.from({ length: 40 }, (_, i) => `${i},CCS${1 + (i % 2)},2022-08-${String(1 + (i % 28)).padStart(2, '0')} 10:00:00,2022-08-01 10:29:00,30,${9000 + i}.3,60000,1,20.5,60`);
  writeFileSync(csv, ['Session,CCS,Arrival,Departure,Stay (min),Energy (Wh),Pmax (W),"Controlled (0, 1)",SOC arrival,SOC departure', ...rows].join('\n'));
  for (const protocol of ['1.6', '2.0.1']) {
    const { sessions, summary, total } = await replay(csv, protocol);
    assert.equal(sessions.length, 40);
    assert.equal(total, 360_792_000n, protocol);  // 40 x 9000.3 + (0 + ... + 39), rounded to a watt-hour
    assert.equal(summary.energyWh, 360_792);
    assert.ok(sessions.every((s) => s.stoppedAtUs - s.startedAtUs === 1_800_000_000 && !s.held), protocol);
  }
});

// The data set itself, where it is at hand: it is not part of the project.
const EPFL = join(dirname(realpathSync(new URL(import.meta.url).pathname)), '../../../shared/data/sessions/epfl-level3-sessions.csv');
if (existsSync(EPFL)) {
  test('1,878 real fast-charging sessions add up to the data set\'s own total to the watt-hour', async () => {
    const { sessions, total } = await replay(EPFL, '1.6');
    assert.equal(sessions.length, 1878);
    assert.equal(total, 60_441_936_000n);  // 60,441,935.575 Wh
    const held = sessions.filter((s) => s.held);
    assert.deepEqual(held.map((s) => [Math.round(Number(s.energyMwh) / 1e5) / 10, s.flags]), [[268.9, ['SESSION_FLAG_ENERGY_IMPLAUSIBLE', 'SESSION_FLAG_OFFLINE']]]);
  });
}

await main();
