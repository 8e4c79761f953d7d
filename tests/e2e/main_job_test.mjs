// The main job, driven by a client that nobody here wrote.
import assert from 'node:assert/strict';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, remove, test, until } from './harness.mjs';

// Worked out by hand at 0.45 EUR/kWh and a start fee of 0.35 EUR:
//   10.500 kWh: 4.725   -> 4.73 + 0.35 = 5.08      7.333 kWh: 3.29985 -> 3.30 + 0.35 = 3.65
//   20.000 kWh: 9.00           + 0.35 = 9.35       0.001 kWh: 0.00045 -> 0.00 + 0.35 = 0.35
//   33.310 kWh: 14.9895 -> 14.99 + 0.35 = 15.34   51.300 kWh: 23.085  -> 23.09 + 0.35 = 23.44
const PLAN = {
  'CP-A': [{ from: 1000, to: 11500, mwh: 10_500_000, e4: 50_800 }, { from: 11500, to: 18833, mwh: 7_333_000, e4: 36_500 }],
  'CP-B': [{ from: 0, to: 20000, mwh: 20_000_000, e4: 93_500 }, { from: 0, to: 1, mwh: 1000, e4: 3_500 }],
  'CP-C': [{ from: 777, to: 34087, mwh: 33_310_000, e4: 153_400 }, { from: 34087, to: 85387, mwh: 51_300_000, e4: 234_400 }],
};
// So many that charging goes on through all that is done to the processes.
const METER_VALUES = 40;

async function charge(point, progress) {
  const { identity } = point.client;
  await point.deliver('BootNotification', { chargePointVendor: 'Foreign', chargePointModel: 'X' });
  let minute = 0;
  // Two hours ago, as if it had been delivered late: older than two months nobody would believe it.
  const begun = Date.now() - 2 * 3600 * 1000;
  const now = () => new Date(begun + 60_000 * minute++).toISOString();
  for (const { from, to } of PLAN[identity]) {
    await point.deliver('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Preparing' });
    const authorized = await point.deliver('Authorize', { idTag: 'TAG1' });
    assert.equal(authorized.idTagInfo.status, 'Accepted');
    const { transactionId } = await point.deliver('StartTransaction',
      { connectorId: 1, idTag: 'TAG1', meterStart: from, timestamp: now() });
    assert.ok(Number.isInteger(transactionId) && transactionId > 0);
    for (let i = 1; i <= METER_VALUES; ++i) {
      await point.deliver('MeterValues', {
        connectorId: 1, transactionId,
        meterValue: [{ timestamp: now(), sampledValue: [
          { value: String(from + Math.floor(((to - from) * i) / METER_VALUES)), unit: 'Wh' },
          // Who takes a watt-hour only asks for power once: power without energy is a register that stands still.
          { value: to - from > 100 || i === 1 ? '11.04' : '0', unit: 'kW', measurand: 'Power.Active.Import' }] }],
      });
      progress.answered += 1;
    }
    await point.deliver('StopTransaction', { transactionId, meterStop: to, timestamp: now(), reason: 'Local' });
    await point.deliver('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Available' });
    progress.answered += 1;
  }
}

// Each answered call, and its answer, stands in the central log exactly once and in that order.
async function assertRecordedOnce(network, points) {
  const frames = await network.frames();
  const places = new Map();
  for (const { direction, text, sequence } of frames) {
    const key = `${direction} ${text}`;
    places.set(key, [...(places.get(key) ?? []), sequence]);
  }
  for (const point of points) {
    assert.ok(point.answered.length > 0);
    for (const { call, answer } of point.answered) {
      const received = places.get(`DIRECTION_RECEIVED ${call}`) ?? [];
      const sent = places.get(`DIRECTION_SENT ${answer}`) ?? [];
      assert.equal(received.length, 1, `recorded ${received.length} times: ${call}`);
      assert.equal(sent.length, 1, `recorded ${sent.length} times: ${answer}`);
      assert.ok(received[0] < sent[0]);
    }
  }
}

async function assertSessionsAndBills(network) {
  const { sessions } = await network.ctl('sessions', 'list');
  const { cdrs } = await network.ctl('cdrs', 'list');
  const planned = Object.entries(PLAN).flatMap(([station, list]) =>
    list.map(({ mwh, e4 }) => `${station} ${mwh} ${e4}`));
  assert.deepEqual(cdrs.map((c) => `${c.chargePointId} ${c.energyMwh} ${c.totalCost.inclVatE4}`).sort(), planned.sort());
  assert.equal(sessions.length, planned.length);
  for (const session of sessions) {
    assert.equal(session.state, 'SESSION_STATE_CLOSED');
    assert.equal(session.maxPowerMw, '11040000');
    const cdr = cdrs.find((c) => c.sessionId === session.id);
    assert.equal(cdr.energyMwh, session.energyMwh);
    assert.equal((await network.ctl('cdrs', 'show', cdr.id)).cdr.totalCost.inclVatE4, cdr.totalCost.inclVatE4);
  }
}

test('sessions and bills are right, and every answered frame is recorded once, although agent and ledger are killed', async () => {
  const network = await new Network().start();
  const points = Object.keys(PLAN).map((id) => new ChargePoint(network.url, id));
  const progress = { answered: 0 };
  await Promise.all(points.map((point) => point.connect()));
  const charging = Promise.all(points.map((point) => charge(point, progress)));

  await until('sessions are under way', () => progress.answered >= 10);
  await network.agent.kill();
  await network.startAgent();
  const after = progress.answered;
  await until('charging goes on after the agent was killed', () => progress.answered >= after + 6);
  await network.ledger.kill();
  const without = progress.answered;
  await until('charging goes on without the ledger', () => progress.answered >= without + 6);
  await network.startLedger();
  await network.agent.kill();
  await network.startAgent();
  await network.ledger.kill();
  await network.startLedger();
  await charging;
  await Promise.all(points.map((point) => point.close()));
  await until('all are seen to be gone', async () => (await network.ctl('sites', 'list')).sites[0].stationsConnected === 0);

  await network.level();
  await assertRecordedOnce(network, points);
  await assertSessionsAndBills(network);

  // A start of the ledger is an entry of the control log, and that the site knows of it one of its own: no event of these.
  const digests = async () => (await network.level()).projections.map(({ name, version, digest }) => ({ name, version, digest }));
  const before = await digests();
  await network.ledger.stop();
  remove(network.dir, 'ledger', 'state');
  await network.startLedger();
  assert.deepEqual(await digests(), before, 'a rebuild gives the same digests');
  await assertSessionsAndBills(network);
  await network.stop();
});

test('a site without a ledger records for itself, and the ledger has everything once it is there', async () => {
  const network = new Network();
  await network.startLedger();
  await network.ledger.stop();
  await network.startAgent();
  const points = Object.keys(PLAN).map((id) => new ChargePoint(network.url, id));
  await Promise.all(points.map((point) => point.connect()));
  await Promise.all(points.map((point) => charge(point, { answered: 0 })));
  await Promise.all(points.map((point) => point.close()));
  await network.startLedger();
  await network.level();
  await assertRecordedOnce(network, points);
  await assertSessionsAndBills(network);
  await network.stop();
});

test('a start sent again has the id it was given, with the same and with a new message id, also after the agent was killed', async () => {
  const network = await new Network().start();
  const start = { connectorId: 1, idTag: 'T', meterStart: 5, timestamp: new Date().toISOString() };
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  const { transactionId } = await point.call('StartTransaction', start);
  assert.equal((await point.call('StartTransaction', start)).transactionId, transactionId);
  const raw = point.answered[0].call;
  point.client.sendRaw(raw);
  await network.agent.kill();
  await network.startAgent();
  assert.equal((await point.deliver('StartTransaction', start)).transactionId, transactionId);
  const other = await point.deliver('StartTransaction', { ...start, connectorId: 2 });
  assert.notEqual(other.transactionId, transactionId);
  await point.deliver('StopTransaction', { transactionId: 999_999, meterStop: 6, timestamp: new Date().toISOString() });
  await point.close();
  await network.level();
  const { sessions } = await network.ctl('sessions', 'list');
  assert.deepEqual(sessions.map((s) => Number(s.transactionId)).sort((a, b) => a - b),
    [transactionId, other.transactionId, 999_999].sort((a, b) => a - b));
  assert.deepEqual((await network.ctl('sessions', 'list', '--flag', 'missing_start')).sessions.length, 1);
  await network.stop();
});

test('a second connection of an identity takes over, and the late close of the first does not disturb it', async () => {
  const network = await new Network().start();
  const first = new ChargePoint(network.url, 'CP-1');
  first.client.reconfigure({ reconnect: false });
  const closed = new Promise((resolve) => first.client.once('close', resolve));
  await first.connect();
  await first.call('Heartbeat', {});
  const second = new ChargePoint(network.url, 'CP-1');
  await second.connect();
  await second.call('Heartbeat', {});
  await closed;
  await second.call('Heartbeat', {});
  await network.level();
  const entries = (await network.entries()).map(({ sequence, entry }) => ({ sequence, ...entry }));
  const opened = entries.filter((e) => e.connectionOpened);
  const closes = entries.filter((e) => e.connectionClosed);
  assert.equal(opened.length, 2);
  assert.equal(closes.length, 1);
  assert.equal(closes[0].connectionClosed.reason, 'REASON_REPLACED');
  assert.equal(closes[0].connectionClosed.connection ?? '0', opened[0].sequence);
  assert.equal(closes[0].connectionClosed.replacedBy, opened[1].sequence);
  assert.equal((await network.ctl('stations', 'list')).stations[0].connected, true);
  await second.close();
  await until('the station is seen to be gone', async () =>
    !(await network.ctl('stations', 'list')).stations[0].connected);
  await network.stop();
});

test('status and faults show what the charge points last said', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await point.call('StatusNotification', { connectorId: 1, errorCode: 'NoError', status: 'Charging' });
  await point.call('StatusNotification',
    { connectorId: 2, errorCode: 'GroundFailure', status: 'Faulted', vendorErrorCode: 'E7' });
  await assert.rejects(point.call('TriggerMessage', { requestedMessage: 'Heartbeat' }));
  await point.close();
  await network.level();
  const { connectors } = await network.ctl('status');
  assert.deepEqual(connectors.map((c) => [c.connectorId, c.state]),
    [[1, 'CONNECTOR_STATE_CHARGING'], [2, 'CONNECTOR_STATE_FAULTED']]);
  const { counts } = await network.ctl('faults', 'top');
  assert.ok(counts.some((c) => c.code === 'GroundFailure' && c.vendorCode === 'E7' && c.active === '1'));
  const { faults } = await network.ctl('faults', 'list', '--active');
  assert.deepEqual(faults.map((f) => f.code), ['GroundFailure']);
  const { sites } = await network.ctl('sites', 'list');
  assert.equal(sites[0].site, 'north');
  await network.stop();
});

await main();
