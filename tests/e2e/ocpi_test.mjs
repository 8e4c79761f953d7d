// Sessions and CDRs to a roaming partner whose system fails in every way, and what the partner reads from us.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChargePoint } from './charge_point.mjs';
import { main, Network, Process, test, until } from './harness.mjs';

/** An eMSP's receiver endpoints. `behave(method, id)` says how it answers: ok, or a way to fail. */
class Emsp {
  constructor(behave = () => 'ok') {
    this.behave = behave;
    this.cdrs = new Map();
    this.sessions = new Map();
    this.requests = [];
    this.hanging = new Set();
    this.server = createServer((req, res) => {
      let body = '';
      req.on('data', (data) => (body += data));
      req.on('end', () => this.answer(req, res, body));
    });
  }
  listen() {
    return new Promise((resolve) => this.server.listen(0, '127.0.0.1', () => {
      this.url = `http://127.0.0.1:${this.server.address().port}/ocpi/emsp/2.2.1`;
      resolve(this);
    }));
  }
  answer(req, res, body) {
    const object = JSON.parse(body);
    this.requests.push({ method: req.method, url: req.url, headers: req.headers, object });
    const say = (http, code, headers = {}) => {
      res.writeHead(http, { 'Content-Type': 'application/json', ...headers });
      res.end(JSON.stringify({ status_code: code, status_message: 'so it is', timestamp: new Date().toISOString() }));
    };
    const take = () => {
      if (req.method === 'POST') this.cdrs.set(object.id, [...(this.cdrs.get(object.id) ?? []), object]);
      else this.sessions.set(object.id, object);
    };
    switch (this.behave(req.method, object.id, this.requests.length)) {
      case 'ok':
        take();
        return say(req.method === 'POST' ? 201 : 200, 1000, { Location: `${this.url}/cdrs/${object.id}` });
      case '500':
        return say(500, 3000);
      case '3000':
        return say(200, 3001);
      case 'refuse':
        return say(400, 2001);
      case 'taken-and-lost':
        // It has it, and its answer never comes.
        take();
        return req.socket.destroy();
      case 'exists':
        return say(409, 2001);
      case 'no-ocpi':
        res.writeHead(200);
        return res.end('<html>welcome</html>');
      default:
        this.hanging.add(res);
        return undefined;
    }
  }
  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

async function get(url, token) {
  return new Promise((resolve, reject) => {
    request(url, { headers: token ? { Authorization: `Token ${Buffer.from(token).toString('base64')}` } : {} }, (res) => {
      let body = '';
      res.on('data', (data) => (body += data));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, ...JSON.parse(body) }));
    }).on('error', reject).end();
  });
}

async function start(emsp, more = {}) {
  const network = new Network();
  const partners = join(network.dir, 'partners.json');
  writeFileSync(partners, JSON.stringify({ country_code: 'NL', party_id: 'ABC', partners: [
    { country_code: 'NL', party_id: 'TNM', token: 'ours', their_token: 'theirs', sessions_url: `${emsp.url}/sessions`, cdrs_url: `${emsp.url}/cdrs/` },
    { country_code: 'DE', party_id: 'XYZ', their_token: 'others' }], ...more }));
  network.ledgerArgs = ['--ocpi-partners', partners, '--ocpi-listen', '127.0.0.1:0'];
  await network.start();
  network.ocpi = `http://${/OCPI on (\S+)/.exec(network.ledger.stdout)[1]}`;
  for (const [tag, contract, country, party] of [['TNM1', 'NL-TNM-C1', 'NL', 'TNM'], ['XYZ1', 'DE-XYZ-C1', 'DE', 'XYZ']]) {
    const path = join(network.dir, `${tag}.json`);
    writeFileSync(path, JSON.stringify({ contractRegistered: { idTag: tag, contractId: contract, partnerCountryCode: country, partnerPartyId: party } }));
    assert.equal(await new Process('LEDGERCTL', ['--ledger', network.ledgerAddress, 'billing', 'record', path, '--by', 'ann']).exited, 0);
  }
  await until('the site knows all', async () =>
    (await network.entries()).filter(({ entry }) => entry.knownFact).length >= 4);
  return network;
}

async function charge(point, tag, minutes, from, to) {
  const time = (m) => new Date(Date.now() - 3600_000 + (minutes + m) * 60_000).toISOString();
  const { transactionId } = await point.call('StartTransaction', { connectorId: 1, idTag: tag, meterStart: from, timestamp: time(0) });
  await point.call('StopTransaction', { transactionId, meterStop: to, timestamp: time(5), idTag: tag });
}

const list = (network, ...args) => network.ctl('ocpi', 'list', ...args);

test('every CDR of a partner\'s customers arrives, and none twice under another id, although its system fails, hangs and loses its answers', async () => {
  const moods = ['500', 'taken-and-lost', 'ok', '3000', 'no-ocpi', 'ok', '500', 'ok', 'taken-and-lost', 'exists', 'ok'];
  // And once it does not answer at all.
  const emsp = await new Emsp((method, id, count) => (count === 4 ? 'hang' : moods[count % moods.length])).listen();
  const network = await start(emsp);
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  for (let i = 0; i < 6; ++i) {
    await charge(point, 'TNM1', i * 7, i * 10000, i * 10000 + 2000);
    await charge(point, 'OWN', i * 7 + 6, i * 10000 + 3000, i * 10000 + 4000);
    // The ledger is killed in between, with requests under way.
    if (i === 2) {
      await network.ledger.kill();
      await network.startLedger();
    }
  }
  await network.level();
  const { cdrs } = await until('all are billed', async () => {
    const all = await network.ctl('cdrs', 'list');
    return all.cdrs.length === 12 && all;
  });
  const theirs = cdrs.filter((c) => c.partnerPartyId === 'TNM').map((c) => c.id).sort();
  assert.equal(theirs.length, 6);
  // The circuit opens on the way, for up to a minute at a time.
  await until('nothing is on its way any more', async () => (await list(network, '--state', 'pending')).length === 0, 300_000);
  // Each was taken, under its own id alone; what came twice was the same to the byte.
  for (const id of theirs) {
    const times = emsp.cdrs.get(id) ?? [];
    const said = emsp.requests.filter((r) => r.object.id === id);
    assert.ok(said.length > 0);
    for (const { object } of said) assert.deepEqual(object, said[0].object);
    assert.ok(times.length > 0 || said.length > 0);
  }
  assert.deepEqual([...emsp.cdrs.keys()].filter((id) => !theirs.includes(id)), []);
  const taken = (await list(network, '--state', 'taken')).filter((i) => i.kind === 'OUTBOX_KIND_CDR');
  assert.deepEqual(taken.map((i) => i.id).sort(), theirs);
  // OCPI's own words.
  const { headers, object, url } = emsp.requests.find((r) => r.method === 'POST');
  assert.equal(url, '/ocpi/emsp/2.2.1/cdrs');
  assert.equal(headers.authorization, `Token ${Buffer.from('ours').toString('base64')}`);
  assert.equal(headers['ocpi-to-party-id'], 'TNM');
  assert.equal(headers['ocpi-from-party-id'], 'ABC');
  assert.match(headers['x-request-id'], /^[0-9a-f-]{36}$/);
  // 2 kWh at 0.45 and 0.35.
  assert.deepEqual(object.total_cost, { excl_vat: 1.25, incl_vat: 1.25 });
  assert.deepEqual([object.total_energy, object.cdr_token.contract_id, object.currency, object.country_code], [2, 'NL-TNM-C1', 'EUR', 'NL']);
  const put = emsp.requests.find((r) => r.method === 'PUT');
  assert.match(put.url, /^\/ocpi\/emsp\/2\.2\.1\/sessions\/NL\/ABC\/[0-9a-f]{12}-1-\d+$/);
  assert.equal([...emsp.sessions.values()].filter((s) => s.status === 'COMPLETED').length >= 1, true);
  await point.close();
  await network.stop();
  emsp.close();
});

test('what a partner refuses is a dead letter that can be sent again, and a partner that is down is asked seldom', async () => {
  let mood = 'refuse';
  const emsp = await new Emsp(() => mood).listen();
  const network = await start(emsp);
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  await charge(point, 'TNM1', 0, 0, 2000);
  const dead = await until('both are refused', async () => {
    const items = await list(network, '--state', 'dead');
    return items.length === 2 && items;
  });
  const cdr = dead.find((i) => i.kind === 'OUTBOX_KIND_CDR');
  assert.match(cdr.error, /HTTP 400, OCPI 2001: so it is/);
  mood = 'ok';
  assert.equal(await new Process('LEDGERCTL', ['--ledger', network.ledgerAddress, 'ocpi', 'resend', 'NL-TNM', cdr.id]).exited, 0);
  const taken = await until('it is taken', async () => {
    const items = await list(network, '--state', 'taken');
    return items.length === 1 && items;
  });
  assert.equal(taken[0].location, `${emsp.url}/cdrs/${cdr.id}`);
  const again = new Process('LEDGERCTL', ['--ledger', network.ledgerAddress, 'ocpi', 'resend', 'NL-TNM', cdr.id]);
  assert.equal(await again.exited, 1);
  assert.match(again.stderr, /is no dead letter/);
  // Down: five failures in a row, then one attempt at a time.
  mood = '500';
  for (let i = 1; i <= 4; ++i) await charge(point, 'TNM1', i * 7, i * 10000, i * 10000 + 2000);
  await until('the circuit is open', async () => {
    const process = new Process('LEDGERCTL', ['--ledger', network.ledgerAddress, 'ocpi', 'list']);
    await process.exited;
    return /the circuit is open until/.test(process.stdout);
  });
  mood = 'ok';
  await until('all are taken once it is up', async () => (await list(network, '--state', 'pending')).length === 0, 300_000);
  assert.equal([...emsp.cdrs.values()].every((times) => times.length === 1), true);
  await point.close();
  await network.stop();
  emsp.close();
});

test('a partner reads its own sessions and CDRs, page by page, and nobody else\'s', async () => {
  const emsp = await new Emsp().listen();
  const network = await start(emsp);
  const point = new ChargePoint(network.url, 'CP-1');
  await point.connect();
  for (let i = 0; i < 5; ++i) await charge(point, i === 4 ? 'XYZ1' : 'TNM1', i * 7, i * 10000, i * 10000 + 2000);
  await until('all are billed', async () => (await network.ctl('cdrs', 'list')).cdrs.length === 5);
  assert.equal((await get(`${network.ocpi}/ocpi/versions`)).status, 401);
  const versions = await get(`${network.ocpi}/ocpi/versions`, 'theirs');
  assert.deepEqual(versions.data, [{ version: '2.2.1', url: `${network.ocpi}/ocpi/2.2.1` }]);
  const { data: { endpoints } } = await get(versions.data[0].url, 'theirs');
  const url = endpoints.find((e) => e.identifier === 'cdrs').url;
  const ids = [];
  let next = `${url}?limit=3`;
  for (let pages = 0; next; ++pages) {
    assert.ok(pages < 3);
    const page = await get(next, 'theirs');
    assert.equal(page.status_code, 1000);
    assert.equal(page.headers['x-total-count'], '4');
    ids.push(...page.data.map((c) => c.id));
    next = /<(.*)>; rel="next"/.exec(page.headers.link ?? '')?.[1];
  }
  assert.equal(new Set(ids).size, 4);
  assert.equal((await get(url, 'others')).data.length, 1);
  assert.equal((await get(`${url}?date_from=2100-01-01T00:00:00Z`, 'theirs')).data.length, 0);
  assert.equal((await get(`${url}?date_from=soon`, 'theirs')).status, 400);
  assert.equal((await get(url.replace('cdrs', 'sessions'), 'theirs')).data.length, 4);
  const tariffs = await get(url.replace('cdrs', 'tariffs'), 'others');
  assert.deepEqual(tariffs.data.map((t) => [t.id, t.country_code, t.party_id]), [['DEFAULT', 'NL', 'ABC']]);
  assert.equal((await get(`${network.ocpi}/ocpi/cpo/2.2.1/tokens`, 'theirs')).status, 404);
  await point.close();
  await network.stop();
  emsp.close();
});

test('a file of partners that is wrong is refused by path', async () => {
  const network = new Network();
  for (const [content, message] of [
    ['{', /is no JSON/],
    ['{"country_code":"NL","party_id":"AB"}', /\$\.party_id: is "AB"; it must have 3 characters/],
    ['{"country_code":"NL","party_id":"ABC","partners":[{"country_code":"NL","party_id":"TNM","cdr_url":"http://x"}]}', /\$\.partners\[0\]\.cdr_url: .*did you mean cdrs_url\?/],
    ['{"country_code":"NL","party_id":"ABC","partners":[{"country_code":"NL","party_id":"TNM","cdrs_url":"ftp://x","token":"t"}]}', /must begin with https/],
  ]) {
    const path = join(network.dir, 'partners.json');
    writeFileSync(path, content);
    const ledger = new Process('LEDGERD', ['--data-dir', join(network.dir, 'l'), '--listen', '127.0.0.1:0', '--ocpi-partners', path]);
    assert.equal(await ledger.exited, 2);
    assert.match(ledger.stderr, message);
  }
});

await main();
