// From what charge points say to tariffs, CDRs, the journal and invoices, with numbers that were worked out by hand.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, Process, remove, test, until } from './harness.mjs';

const HOUR = 3600_000;
// A whole hour, some hours ago: restrictions of the time of day fall where the test says.
const BASE = Math.floor(Date.now() / HOUR) * HOUR - 6 * HOUR;
const at = (minutes) => new Date(BASE + minutes * 60_000).toISOString();
const clock = (minutes) => at(minutes).slice(11, 16);

/** A ledgerctl call, with what it printed. */
async function run(network, ...args) {
  const process = new Process('LEDGERCTL', ['--ledger', network.ledgerAddress, ...args]);
  const code = await process.exited;
  return { code, out: process.stdout, err: process.stderr };
}

async function ok(network, ...args) {
  const { code, out, err } = await run(network, ...args);
  assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  return out;
}

function file(network, name, content) {
  const path = join(network.dir, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

/** The site's own log knows so many control facts. */
async function known(network, count) {
  await until(`the site knows ${count} facts`, async () =>
    (await network.entries()).filter(({ entry }) => entry.knownFact).length >= count);
}

async function charge(point, { connector = 1, tag = 'TAG1', from, to, begins, ends, values = [] }) {
  const { transactionId } = await point.call('StartTransaction', { connectorId: connector, idTag: tag, meterStart: from, timestamp: at(begins) });
  for (const [minutes, register] of values) {
    await point.call('MeterValues', { connectorId: connector, transactionId,
      meterValue: [{ timestamp: at(minutes), sampledValue: [{ value: String(register), unit: 'Wh' }] }] });
  }
  await point.call('StopTransaction', { transactionId, meterStop: to, timestamp: at(ends), idTag: tag, reason: 'Local' });
}

const money = (e4) => Number(e4 ?? 0) / 10_000;
const vat = 21;
const component = (type, price, step_size = 1) => ({ type, price, vat, step_size });

test('a session across a change of price is billed by the tariff it began with, explained, posted and invoiced', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  // Until the second hour 0.30 a kWh, then 0.50, and 0.50 a session: before tax.
  const day = { country_code: 'NL', party_id: 'ABC', id: 'DAY', currency: 'EUR', last_updated: at(0), elements: [
    { price_components: [component('FLAT', 0.5), component('ENERGY', 0.3)], restrictions: { start_time: clock(0), end_time: clock(60) } },
    { price_components: [component('ENERGY', 0.5)] }] };
  await ok(network, 'tariff', 'publish', file(network, 'day.json', day), '--by', 'ann', '--reason', 'new prices');
  await ok(network, 'tariff', 'assign', 'DAY', '--site', 'north', '--by', 'ann', '--reason', 'new prices');
  await ok(network, 'billing', 'record', file(network, 'site.json', { siteDescribed: { site: 'north', timeZone: 'UTC', country: 'NLD',
    connectors: [{ chargePointId: 'CP-1', connectorId: 1, evseUid: 'E1', evseId: 'NL*ABC*E1' }] } }), '--by', 'ann');
  await ok(network, 'billing', 'record', file(network, 'contract.json',
    { contractRegistered: { idTag: 'TAG1', contractId: 'NL-TNM-C1', partnerCountryCode: 'NL', partnerPartyId: 'TNM', name: 'The eMSP', country: 'NL' } }));
  await ok(network, 'billing', 'record', file(network, 'policy.json', { billingPolicySet: { holdFlags: [8, 10], vatCountry: 'NL',
    seller: { name: 'ABC', country: 'NL', city: 'Utrecht', vatId: 'NL123456789B01' } } }));
  // Two of the tariff of the configuration, and these five.
  await known(network, 7);
  const exported = JSON.parse(await ok(network, 'tariff', 'export', 'DAY', '--ocpi', '2.3.0'));
  assert.deepEqual(exported.elements, day.elements.map((e) => e));
  assert.equal(exported.tax_included, 'NO');

  // 10 kWh before the hour, 5 behind it: the register at the hour lies between two values, a minute on either side.
  await charge(point, { from: 0, to: 15000, begins: 30, ends: 90, values: [[59, 9900], [61, 10100], [75, 12500]] });
  // Dearer from now on: not for what was billed.
  await ok(network, 'tariff', 'publish', file(network, 'day2.json', { ...day, elements: [{ price_components: [component('ENERGY', 1)] }] }), '--by', 'ann');
  await known(network, 8);
  await charge(point, { from: 20000, to: 21000, begins: 120, ends: 150 });
  await network.level();

  const { cdrs } = await until('both are billed', async () => {
    const list = await network.ctl('cdrs', 'list');
    return list.cdrs.length === 2 && list;
  });
  const [second, first] = cdrs;
  // 10 x 0.30 + 5 x 0.50 + 0.50 = 6.00; with 21 %: 7.26.
  assert.deepEqual([money(first.totalCost.exclVatE4), money(first.totalCost.inclVatE4), first.tariffVersion], [6, 7.26, 1]);
  assert.deepEqual([money(second.totalCost.exclVatE4), money(second.totalCost.inclVatE4), second.tariffVersion], [1, 1.21, 2]);
  assert.equal(first.periods.length, 2);
  assert.equal(new Date(Number(first.periods[1].startUs) / 1000).toISOString(), at(60));
  assert.equal(first.periods[0].volumes[0].volume, '10000000000');

  // As an OCPI object it can be priced again by whoever has the tariff, without us, and comes to the same.
  const ocpi = file(network, 'first.json', JSON.parse(await ok(network, 'cdrs', 'show', first.id, '--as', 'ocpi')));
  const priced = JSON.parse(await ok(network, 'tariff', 'price', '--tariff', join(network.dir, 'day.json'), '--cdr', ocpi, '--time-zone', 'UTC'));
  assert.deepEqual([priced.total_cost, priced.warnings], [{ excl_vat: 6, incl_vat: 7.26 }, []]);

  const explained = await network.ctl('cdrs', 'explain', first.id);
  const energy = explained.amounts.find((a) => a.name === 'total_energy_cost');
  assert.equal(money(energy.price.exclVatE4), 5.5);
  assert.deepEqual(energy.volumes.map((v) => [v.volume.element, v.volume.priceComponent]), [[0, 1], [1, 0]]);
  // The readings around the change of price, and where they are recorded.
  const registers = energy.volumes[1].readings.map((r) => Number(r.registerMwh) / 1000);
  assert.deepEqual(registers.slice(0, 2), [9900, 10100]);
  const entries = await network.entries();
  const reading = entries.find(({ sequence }) => sequence === energy.volumes[1].readings[0].entry.sequence);
  assert.match(Buffer.from(reading.entry.frameRecorded.payload, 'base64').toString(), /"9900"/);
  assert.match(await ok(network, 'cdrs', 'explain', first.id), /element 1, price component 0/);

  // The journal balances at every position; receivable is what was billed.
  await ok(network, 'journal', 'trial');
  const balances = Object.fromEntries((await network.ctl('journal', 'trial')).balances.map((b) =>
    [b.account, money(b.debitE4) - money(b.creditE4)]));
  assert.equal(balances['assets:receivable:partner:NL-TNM'], 8.47);
  assert.equal(balances['income:energy'], -6.5);
  assert.equal(balances['income:session-fee'], -0.5);
  assert.equal(balances['liabilities:vat:NL:21'], -1.47);
  const size = Number(first.cause.sequence) + 1;
  const then = await network.ctl('journal', 'trial', '--as-of', `north:1:${size}`);
  assert.equal(money(then.balances.find((b) => b.account.startsWith('assets:')).debitE4), 7.26);
  const hledger = await ok(network, 'journal', 'list', '--as', 'hledger');
  assert.match(hledger, /assets:receivable:partner:NL-TNM {2}7\.26 EUR/);
  assert.match(await ok(network, 'journal', 'list', '--as', 'beancount'), /open Assets:Receivable:Partner:NL-TNM/);

  // What if the first had cost 1 a kWh: 15.00, with tax 18.15.
  const whatIf = JSON.parse(await ok(network, '--format', 'json', 'billing', 'what-if', '--tariff', join(network.dir, 'day2.json')));
  assert.deepEqual(whatIf.find((l) => l.session === first.sessionId), { session: first.sessionId, sessions: 1, energy_kwh: 15, billed: 7.26, what_if: 18.15, difference: 10.89 });
  assert.equal((await network.ctl('cdrs', 'list')).cdrs.length, 2, 'nothing was changed');

  // A tariff for the past, by choice: credit and a new CDR.
  await ok(network, 'tariff', 'publish', file(network, 'sorry.json', { ...day, id: 'SORRY', elements: [{ price_components: [component('ENERGY', 0.1)] }] }));
  const bad = await run(network, 'tariff', 'assign', 'SORRY', '--for-past');
  assert.equal(bad.code, 2);
  assert.match(bad.err, /for_past bills sessions again: from must say which/);
  await ok(network, 'tariff', 'assign', 'SORRY', '--for-past', '--from', at(0), '--to', at(100), '--priority', '9', '--by', 'bob', '--reason', 'wrong sign');
  const corrected = await until('the first is billed again', async () => {
    const list = (await network.ctl('cdrs', 'list', '--session', first.sessionId)).cdrs;
    return list.length === 3 && list;
  });
  assert.deepEqual(corrected.map((c) => [c.id.split('-').slice(3).join('-'), money(c.totalCost.inclVatE4)]).sort(),
    [['c1', 7.26], ['c1-C', -7.26], ['c2', 1.82]].sort());
  assert.equal(corrected.find((c) => c.credit).creditReferenceId, first.id);

  // The invoice has all four, and its totals are their sums.
  // Of the last of them: all others ended before its end too.
  const month = at(150).slice(0, 7);
  const now = new Date();
  const early = await run(network, 'billing', 'close', now.toISOString().slice(0, 7));
  assert.equal(early.code, 1);
  assert.match(early.err, /is not over: it ends at \d{4}-\d\d-01T00:00:00/);
  await ok(network, 'billing', 'close', month, '--before-end', '--by', 'ann', '--reason', 'month end');
  const again = await run(network, 'billing', 'close', month);
  assert.equal(again.code, 1);
  assert.match(again.err, /is closed/);
  const invoice = await network.ctl('invoices', 'show', `${month.slice(0, 4)}-000001`);
  assert.equal(invoice.party, 'partner:NL-TNM');
  assert.equal(invoice.lines.length, 4);
  assert.equal(money(invoice.total.inclVatE4), 3.03);
  assert.equal(money(invoice.total.inclVatE4), invoice.lines.reduce((sum, l) => sum + 1e4 * money(l.price.inclVatE4), 0) / 1e4);
  const ubl = await ok(network, 'invoices', 'show', invoice.number, '--as', 'ubl');
  assert.match(ubl, /<cbc:PayableAmount currencyID="EUR">3\.03</);
  assert.match(ubl, /<cbc:Percent>21\.00</);
  await point.close();
  await network.stop();
});

test('what is doubtful is held until a person decides, and who and why stays on record', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await known(network, 2);
  // The register of the second goes backward in between.
  await charge(point, { from: 0, to: 10000, begins: 0, ends: 30 });
  await charge(point, { from: 1000000, to: 1010000, begins: 40, ends: 70, values: [[50, 1005000], [60, 600000]] });
  await charge(point, { from: 2000000, to: 2010000, begins: 80, ends: 110, values: [[90, 2005000], [100, 1600000]] });
  await network.level();
  const holds = await until('two are held', async () => {
    const list = (await network.ctl('billing', 'holds')).holds;
    return list.length === 2 && list;
  });
  assert.deepEqual(holds[0].reasons, ['HOLD_REASON_FLAG']);
  const missing = await run(network, 'sessions', 'release', holds[0].sessionId);
  assert.equal(missing.code, 2);
  assert.match(missing.err, /--by is required/);
  const unknown = await run(network, 'sessions', 'release', '0123456789ab-1-7', '--by', 'ann', '--reason', 'why not');
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /there is no session 0123456789ab-1-7/);
  await ok(network, 'sessions', 'adjust', holds[1].sessionId, '--energy-kwh', '8', '--by', 'ann', '--reason', 'read the meter');
  await ok(network, 'sessions', 'waive', holds[0].sessionId, '--by', 'bob', '--reason', 'goodwill');
  const { cdrs } = await until('nothing is held', async () =>
    (await network.ctl('billing', 'holds')).holds.length === 0 && network.ctl('cdrs', 'list'));
  // 0.45 a kWh and 0.35: 4.85, and 3.95 for what was adjusted.
  assert.deepEqual(cdrs.map((c) => money(c.totalCost.inclVatE4)).sort(), [3.95, 4.85]);
  const adjusted = cdrs.find((c) => c.causeKind === 'adjust');
  assert.deepEqual([adjusted.reviewedBy, adjusted.remark, adjusted.energyMwh], ['ann', 'read the meter', '8000000']);
  const facts = (await network.ctl('log', 'entries', 'control', '--count', '0')).filter(({ entry }) => entry.controlFact?.sessionReviewed);
  assert.deepEqual(facts.map(({ entry }) => entry.controlFact.by), ['ann', 'bob']);
  const text = await ok(network, 'journal', 'balance');
  assert.match(text, /expenses:waivers/);
  await ok(network, 'journal', 'trial');
  await point.close();
  await network.stop();
});

test('a tariff that is wrong is refused by path, and a site without a ledger bills when it hears of one', async () => {
  const network = new Network();
  await network.startAgent();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await charge(point, { from: 0, to: 10000, begins: 0, ends: 30 });
  await network.agent.stop();
  await network.startLedger();
  const refused = await run(network, 'tariff', 'publish', file(network, 'bad.json', { country_code: 'NL', party_id: 'ABC', id: 'BAD', currency: 'EUR',
    last_updated: at(0), elements: [{ price_components: [component('ENERGY', 1)] }, { price_components: [component('ENERGY', 2)] }] }));
  assert.equal(refused.code, 2);
  assert.match(refused.err, /\$\.elements\[1\]\.price_components\[0\]: can never apply/);
  await network.startAgent();
  const { cdrs } = await until('the session is billed', async () => {
    const list = await network.ctl('cdrs', 'list');
    return list.cdrs.length === 1 && list;
  });
  assert.deepEqual([money(cdrs[0].totalCost.inclVatE4), cdrs[0].causeKind], [4.85, 'tariff']);
  await point.close();
  await network.stop();
});

test('a site learns the tariffs of a ledger that was begun anew with the same key', async () => {
  const network = await new Network().start();
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await known(network, 2);
  const key = join(network.dir, 'key.pem');
  copyFileSync(join(network.dir, 'ledger', 'signing_key.pem'), key);
  await network.ledger.stop();
  remove(network.dir, 'ledger');
  network.ledgerArgs = ['--signing-key', key, '--billing-price-per-kwh', '0.90'];
  await network.startLedger();
  await known(network, 4);
  await charge(point, { from: 0, to: 10000, begins: 0, ends: 30 });
  const { cdrs } = await until('the session is billed', async () => {
    const list = await network.ctl('cdrs', 'list');
    return list.cdrs.length === 1 && list;
  });
  assert.equal(money(cdrs[0].totalCost.inclVatE4), 9.35);
  await point.close();
  await network.stop();
});

await main();
