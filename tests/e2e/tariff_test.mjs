// ledgerctl tariff: OCPI tariffs and CDRs out of files, without a server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main, Process, test } from './harness.mjs';

const dir = mkdtempSync(join(tmpdir(), 'tariff-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function file(content) {
  const path = join(dir, `${(files += 1)}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function run(...args) {
  const process = new Process('LEDGERCTL', args);
  const code = await process.exited;
  return { code, out: process.stdout, err: process.stderr };
}

async function price(tariff, cdr, ...more) {
  const { code, out, err } = await run('tariff', 'price', '--tariff', file(tariff), '--cdr', file(cdr), ...more);
  assert.equal(code, 0, err);
  return { ...JSON.parse(out), err };
}

const component = (type, price, vat, step_size = 1) => ({ type, price, ...(vat === undefined ? {} : { vat }), step_size });
const tariff = (elements, more = {}) => ({ country_code: 'NL', party_id: 'TNM', id: '7', currency: 'EUR', elements,
  last_updated: '2026-01-01T00:00:00Z', ...more });
const energyAndParking = tariff([{ price_components: [component('FLAT', 0.5, 20), component('ENERGY', 0.25, 10),
  component('PARKING_TIME', 2, 20, 900)] }]);
const cdr221 = {
  country_code: 'NL', party_id: 'TNM', id: 'C1', currency: 'EUR', start_date_time: '2026-01-05T12:00:00Z', end_date_time: '2026-01-05T13:40:00Z',
  cdr_token: {}, auth_method: 'WHITELIST', cdr_location: {}, total_energy: 20, total_time: 1.6667, total_parking_time: 0.6667,
  charging_periods: [
    { start_date_time: '2026-01-05T12:00:00Z', dimensions: [{ type: 'ENERGY', volume: 20 }, { type: 'TIME', volume: 1 }] },
    { start_date_time: '2026-01-05T13:00:00Z', dimensions: [{ type: 'PARKING_TIME', volume: 0.6667 }] }],
  total_cost: { excl_vat: 7.0, incl_vat: 7.9 }, last_updated: '2026-01-05T14:00:00Z',
};

test('a CDR of OCPI 2.2.1 is priced with OCPI\'s own names, to the cent', async () => {
  const bill = await price(energyAndParking, cdr221);
  assert.deepEqual(bill.total_cost, { excl_vat: 7, incl_vat: 7.9 });
  assert.deepEqual(bill.total_fixed_cost, { excl_vat: 0.5, incl_vat: 0.6 });
  assert.deepEqual(bill.total_energy_cost, { excl_vat: 5, incl_vat: 5.5 });
  assert.deepEqual(bill.total_parking_cost, { excl_vat: 1.5, incl_vat: 1.8 });
  assert.deepEqual(bill.total_time_cost, { excl_vat: 0, incl_vat: 0 });
  assert.deepEqual(bill.total_reservation_cost, { excl_vat: 0, incl_vat: 0 });
  assert.equal(bill.total_energy, 20);
  assert.equal(bill.total_time, 1.6667);
  const parking = bill.charging_periods[1].dimensions[0];
  assert.equal(parking.type, 'PARKING_TIME');
  assert.deepEqual([parking.volume, parking.billed_volume, parking.element, parking.price_component, parking.price],
    [0.6667, 0.75, 0, 2, 2]);
  assert.deepEqual(parking.cost, { excl_vat: 1.5, incl_vat: 1.8 });
  assert.deepEqual(bill.differences, []);
  assert.deepEqual(bill.warnings, []);
});

test('2.1.1 and 2.3.0, numbers as strings, and periods out of order come to the same', async () => {
  const old = { id: 'C1', currency: 'EUR', start_date_time: '2026-01-05T12:00:00', stop_date_time: '2026-01-05T13:40:00', auth_id: 'X',
    auth_method: 'WHITELIST', location: { time_zone: 'Europe/Amsterdam' }, total_cost: 7.0, total_energy: '20',
    charging_periods: [
      { start_date_time: '2026-01-05T13:00:00', dimensions: [{ type: 'PARKING_TIME', volume: '0.6667' }] },
      { start_date_time: '2026-01-05T12:00:00', dimensions: [{ type: 'ENERGY', volume: '20' }, { type: 'TIME', volume: '1.0' }] }] };
  const a = await price(energyAndParking, old);
  assert.deepEqual(a.total_cost, { excl_vat: 7, incl_vat: 7.9 });
  assert.match(a.warnings.join('\n'), /charging_periods: are out of order; they were put in order/);
  assert.deepEqual(a.differences, []);
  const young = { ...cdr221, total_cost: { before_taxes: 7.0, taxes: [{ name: 'VAT', amount: 0.9 }] } };
  const b = await price({ ...energyAndParking, tax_included: 'NO' }, young);
  assert.deepEqual(b.total_cost, { excl_vat: 7, incl_vat: 7.9 });
  assert.deepEqual(b.differences, []);
});

test('what the CDR claims otherwise is shown as a difference, in the JSON and on standard error', async () => {
  const bill = await price(energyAndParking, { ...cdr221, total_cost: { excl_vat: 7.25, incl_vat: 7.9 } });
  assert.deepEqual(bill.differences, [{ field: 'total_cost.excl_vat', claimed: 7.25, ours: 7, difference: -0.25 }]);
  assert.match(bill.err, /difference: total_cost.excl_vat: the CDR says 7.25, we find 7, a difference of -0.25/);
});

test('unknown and misspelt fields are told, with what was meant', async () => {
  const bill = await price(energyAndParking, { ...cdr221, total_enrgy: 20, colour: 'red' });
  const warnings = bill.warnings.join('\n');
  assert.match(warnings, /cdr: \$\.total_enrgy: is no field of OCPI, and was not read; did you mean total_energy\?/);
  assert.match(warnings, /cdr: \$\.colour: is no field of OCPI/);
  assert.match(bill.err, /total_enrgy/);
});

test('a CDR of nothing but reservation time is an expired reservation', async () => {
  const reservation = (kind) => ({ reservation: kind });
  const t = tariff([
    { price_components: [component('FLAT', 4, 20)], restrictions: reservation('RESERVATION_EXPIRES') },
    { price_components: [component('TIME', 2, 20, 600)], restrictions: reservation('RESERVATION') },
    { price_components: [component('FLAT', 0.5, 20), component('ENERGY', 0.25, 10)] }]);
  const bill = await price(t, { ...cdr221, total_cost: undefined, total_energy: 0, total_time: 0, total_parking_time: 0,
    end_date_time: '2026-01-05T13:00:00Z',
    charging_periods: [{ start_date_time: '2026-01-05T12:00:00Z', dimensions: [{ type: 'RESERVATION_TIME', volume: 1 }] }] });
  assert.deepEqual(bill.total_cost, { excl_vat: 6, incl_vat: 7.2 });
  assert.deepEqual(bill.total_reservation_cost, { excl_vat: 6, incl_vat: 7.2 });
});

test('a period is cut where a restriction changes, in the local time of --time-zone', async () => {
  const t = tariff([{ price_components: [component('ENERGY', 0.4)], restrictions: { start_time: '14:00', end_time: '22:00' } },
    { price_components: [component('ENERGY', 0.2)] }]);
  const c = { ...cdr221, total_cost: undefined, end_date_time: '2026-01-05T14:00:00Z', total_time: 2, total_parking_time: 0,
    charging_periods: [{ start_date_time: '2026-01-05T12:00:00Z',
      dimensions: [{ type: 'ENERGY', volume: 20 }, { type: 'TIME', volume: 2 }] }] };
  const there = await price(t, c, '--time-zone', 'Europe/Amsterdam');
  assert.equal(there.total_cost.excl_vat, 6);
  assert.deepEqual(there.charging_periods.map((p) => p.start_date_time), ['2026-01-05T12:00:00.000Z', '2026-01-05T13:00:00.000Z']);
  const utc = await price(t, c);
  assert.equal(utc.total_cost.excl_vat, 4);
  assert.match(utc.warnings.join('\n'), /local time.*UTC/);
});

test('a CDR that carries its tariff, and states its energy only in total, is priced by its time', async () => {
  const own = tariff([{ price_components: [component('TIME', 2, 10, 300)] }]);
  const path = file({ ...cdr221, tariffs: [own], total_energy: 15.342, total_time: 1.973, total_parking_time: undefined, end_date_time: '2026-01-05T13:58:23Z',
    total_cost: { excl_vat: 4, incl_vat: 4.4 },
    charging_periods: [{ start_date_time: '2026-01-05T12:00:00Z', dimensions: [{ type: 'TIME', volume: 1.973 }], tariff_id: '7' }] });
  const { code, out, err } = await run('tariff', 'price', '--cdr', path);
  assert.equal(code, 0, err);
  const bill = JSON.parse(out);
  // 7102.8 s in steps of 300 are two hours.
  assert.deepEqual([bill.total_cost, bill.total_time, bill.total_energy, bill.differences], [{ excl_vat: 4, incl_vat: 4.4 }, 1.973, 15.342, []]);
  assert.match(bill.warnings.join(), /no period says what total_energy is made of/);
});

test('bad input is refused by file, path and reason', async () => {
  const good = file(energyAndParking);
  const cases = [
    [['tariff', 'price', '--tariff', good, '--cdr', join(dir, 'none.json')], /--cdr: cannot read .*none.json/],
    [['tariff', 'price', '--tariff', good, '--cdr', file('{"charging_periods": [')], /is no JSON/],
    [['tariff', 'price', '--tariff', good, '--cdr', file('['.repeat(100000))], /nested more than 64 deep/],
    [['tariff', 'price', '--tariff', good, '--cdr', file({ charging_priods: [] })], /\$\.charging_periods: is missing/],
    [['tariff', 'price', '--tariff', good, '--cdr', file({ charging_periods: [{ start_date_time: 'noon', dimensions: [{ type: 'TIME', volume: -1 }] }] })],
      /charging_periods\[0\]\.start_date_time: is "noon"[^]*dimensions\[0\]\.volume: is -1; it must not be negative/],
    [['tariff', 'price', '--tariff', good, '--cdr', file(cdr221), '--time-zone', 'Europe/Atlantis'], /time zone is "Europe\/Atlantis"/],
    [['tariff', 'lint', file(tariff([{ price_components: [component('WATER', 1), component('TIME', 1, 5, -1)] }]))],
      /2 errors/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await run(...args);
    assert.equal(code, 2, args.join(' ') + out + err);
    assert.match(err, message);
  }
});

test('lint refuses what can never apply, what has no currency, and what is no tariff, with path and reason', async () => {
  const lint = async (t) => {
    const { code, out } = await run('tariff', 'lint', file(t), '--format', 'json');
    return { code, ...JSON.parse(out) };
  };
  const fine = await lint(energyAndParking);
  assert.deepEqual([fine.code, fine.ok, fine.errors, fine.warnings], [0, true, [], []]);
  const cases = [
    [tariff([{ price_components: [component('ENERGY', 0.3)] }, { price_components: [component('ENERGY', 0.2)], restrictions: { min_kwh: 5 } }]),
      '$.elements[1].price_components[0]', /can never apply: elements before it price ENERGY/],
    // Two before it take the whole day together.
    [tariff([{ price_components: [component('TIME', 1)], restrictions: { start_time: '08:00', end_time: '20:00' } },
      { price_components: [component('TIME', 2)], restrictions: { start_time: '20:00', end_time: '08:00' } },
      { price_components: [component('TIME', 3)] }]), '$.elements[2].price_components[0]', /can never apply/],
    [tariff([{ price_components: [component('TIME', 1)], restrictions: { min_kwh: 9, max_kwh: 9 } }]), '$.elements[0].price_components[0]',
      /max_kwh is not above min_kwh/],
    [tariff([{ price_components: [component('TIME', 1, 5, -60)] }]), '$.elements[0].price_components[0].step_size', /is -60/],
    [tariff([{ price_components: [component('TIMES', 1)] }]), '$.elements[0].price_components[0].type', /must be one of ENERGY, TIME/],
    [tariff([{ price_components: [component('TIME', 1)] }], { currency: 'EUX' }), '$.currency', /"EUX"; it must be an ISO 4217 code/],
    [tariff([{ price_components: [component('TIME', 1)], restrictions: { start_time: '25:00' } }]), '$.elements[0].restrictions.start_time', /25:00/],
    [tariff([{ price_components: [component('ENERGY', 1)], restrictions: { reservation: 'RESERVATION' } }]),
      '$.elements[0].price_components[0].type', /a reservation has only FLAT and TIME/],
    [tariff([]), '$.elements', /has no element/],
  ];
  for (const [t, path, detail] of cases) {
    const { code, ok, errors } = await lint(t);
    assert.equal(code, 2);
    assert.equal(ok, false);
    assert.ok(errors.some((e) => e.path === path && detail.test(e.detail)), JSON.stringify(errors));
  }
});

test('explain says per kWh, per minute, per session and the rest, with tax', async () => {
  const { code, out } = await run('tariff', 'explain', file(tariff([
    { price_components: [component('ENERGY', 0.3, 20)], restrictions: { start_time: '22:00', end_time: '06:00' } },
    { price_components: [component('FLAT', 0.5, 20), component('ENERGY', 0.4, 20), component('PARKING_TIME', 6, 20, 300)],
      restrictions: undefined }], { max_price: { excl_vat: 50, incl_vat: 60 } })));
  assert.equal(code, 0);
  const lines = ['Price per kWh:', '0.36 EUR (0.30 and 20 % VAT), between 22:00 and 06:00', 'otherwise 0.48 EUR (0.40 and 20 % VAT)',
    'Price per minute of standing', '0.12 EUR (0.10 and 20 % VAT)', 'billed in steps of 5 minutes', 'Price per session:', '0.60 EUR', 'at most 60.00 EUR'];
  let at = 0;
  for (const line of lines) {
    const found = out.indexOf(line, at);
    assert.ok(found >= 0, `${line} behind ${at} in\n${out}`);
    at = found;
  }
});

test('simulate is a grid of lengths and energies', async () => {
  const { code, out } = await run('tariff', 'simulate', file(energyAndParking), '--durations', '1h,2h', '--energies', '10,20.5', '--parking', '40m',
    '--format', 'csv');
  assert.equal(code, 0);
  assert.equal(out, 'duration_s,energy_kwh,excl_vat,incl_vat,currency\r\n3600,10,4.50,5.15,EUR\r\n7200,10,4.50,5.15,EUR\r\n'
    + '3600,20.5,7.13,8.04,EUR\r\n7200,20.5,7.13,8.04,EUR\r\n');
});

await main();
