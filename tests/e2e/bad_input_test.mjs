// Whatever arrives at the agent's port: it is recorded or refused, the agent lives, and others are served.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import WebSocket from 'ws';
import { ChargePoint, frame } from './charge_point.mjs';
import { main, Network, test, until } from './harness.mjs';

function open(network, id, protocol = 'ocpp1.6', options = {}) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${network.url}/${id}`, protocol, options);
    socket.on('open', () => resolve(socket));
    socket.on('error', reject);
  });
}

function next(socket) {
  return new Promise((resolve, reject) => {
    socket.once('message', (data) => resolve(JSON.parse(data)));
    socket.once('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}

function closeCode(socket) {
  return new Promise((resolve) => socket.once('close', resolve));
}

// The agent is the same process, serves a good client, and that is recorded.
async function assertAlive(network) {
  assert.equal(network.agent.code, undefined, network.agent.stderr);
  const point = new ChargePoint(network.url, 'GOOD');
  await point.connect();
  assert.ok((await point.call('Heartbeat', {})).currentTime);
  await point.close();
}

test('what is no OCPP-J is answered with the right CALLERROR, recorded, and the connection goes on', async () => {
  const network = await new Network().start();
  const socket = await open(network, 'BAD');
  const cases = [
    ['not json', '-1', 'FormationViolation'],
    ['{"a":1}', '-1', 'FormationViolation'],
    ['[2,"7","Heartbeat"]', '7', 'FormationViolation'],
    ['[2,"7","Heartbeat",{},{}]', '7', 'FormationViolation'],
    ['[2,7,"Heartbeat",{}]', '-1', 'FormationViolation'],
    ['[2,"7","Levitate",{}]', '7', 'NotImplemented'],
    ['[2,"7","Authorize",{}]', '7', 'OccurenceConstraintViolation'],
    [`[2,"7","Heartbeat",${'['.repeat(5000)}`, '-1', 'FormationViolation'],
  ];
  for (const [text, id, code] of cases) {
    socket.send(text);
    const answer = await next(socket);
    assert.deepEqual(answer.slice(0, 3), [4, id, code], text);
  }
  // Answers to calls that nobody made, and an unknown message type, are recorded and nothing more.
  for (const text of ['[3,"x",{}]', '[4,"x","GenericError","",{}]', '[9,"x",{}]', '']) socket.send(text);
  socket.send(frame('Heartbeat', {}, 'last'));
  assert.equal((await next(socket))[1], 'last');
  socket.close();
  await assertAlive(network);
  await network.level();
  const received = (await network.frames()).filter((f) => f.station === 'BAD' && f.direction === 'DIRECTION_RECEIVED');
  assert.equal(received.length, cases.length + 5);
  assert.deepEqual(received.slice(0, cases.length).map((f) => f.text), cases.map(([text]) => text));
  await network.stop();
});

test('a binary frame is recorded as one and answered like any other', async () => {
  const network = await new Network().start();
  const socket = await open(network, 'BIN');
  socket.send(Buffer.from([0, 255, 1, 2]), { binary: true });
  assert.deepEqual((await next(socket)).slice(0, 3), [4, '-1', 'FormationViolation']);
  socket.send(Buffer.from(frame('Heartbeat', {}, 'b')), { binary: true });
  assert.equal((await next(socket))[1], 'b');
  socket.close();
  await assertAlive(network);
  await network.level();
  const binary = (await network.frames()).filter((f) => f.binary);
  assert.equal(binary.length, 2);
  await network.stop();
});

test('fragmented frames are put together, and pings are answered', async () => {
  const network = await new Network().start();
  const socket = await open(network, 'FRAG');
  const text = frame('Heartbeat', {}, 'fragments');
  for (let i = 0; i < text.length; ++i) socket.send(text[i], { fin: i === text.length - 1 });
  assert.equal((await next(socket))[1], 'fragments');
  const pong = new Promise((resolve) => socket.once('pong', resolve));
  socket.ping('are you there');
  assert.equal(String(await pong), 'are you there');
  socket.close();
  await network.level();
  assert.equal((await network.frames()).filter((f) => f.text === text).length, 1);
  await network.stop();
});

test('a frame larger than an entry is recorded whole, and one beyond the bound is refused and that is recorded', async () => {
  const network = await new Network().start();
  const socket = await open(network, 'BIG');
  socket.send(frame('DataTransfer', { vendorId: 'v', data: 'd'.repeat(200_000) }, 'big'));
  assert.equal((await next(socket))[2].status, 'UnknownVendorId');
  const code = closeCode(socket);
  socket.send(frame('DataTransfer', { vendorId: 'v', data: 'd'.repeat(2_000_000) }));
  // 1006 where the reset that answers the rest of the frame overtakes the closing frame.
  assert.ok([1009, 1006].includes(await code));
  await assertAlive(network);
  await network.level();
  const entries = await network.entries();
  assert.equal(entries.filter(({ entry }) => entry.frameRecorded?.partCount === 4).length, 4);
  const refused = entries.filter(({ entry }) => entry.frameRefused);
  assert.equal(refused.length, 1);
  assert.equal(refused[0].entry.frameRefused.chargePointId, 'BIG');
  const { stations } = await network.ctl('stations', 'list');
  assert.equal(stations.find((s) => s.chargePointId === 'BIG').framesReceived, '1');
  await network.stop();
});

test('a subprotocol that is not spoken ends the connection after the handshake, and that is recorded', async () => {
  const network = await new Network().start();
  const socket = connect(Number(network.agentAddress.split(':')[1]), '127.0.0.1');
  socket.write(`GET /ocpp/OLD HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Protocol: ocpp1.2, ocpp1.5\r\n\r\n`);
  let received = Buffer.alloc(0);
  socket.on('data', (data) => (received = Buffer.concat([received, data])));
  await until('the closing frame has come', () => received.includes(Buffer.from([0x88])));
  assert.match(received.toString('latin1'), /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(received.toString('latin1'), /sec-websocket-protocol/i);
  socket.destroy();
  await assertAlive(network);
  await network.level();
  const refused = (await network.entries()).filter(({ entry }) => entry.connectionRefused);
  assert.equal(refused.length, 1);
  assert.equal(refused[0].entry.connectionRefused.offeredSubprotocols, 'ocpp1.2, ocpp1.5');
  await network.stop();
});

test('a path that names no charge point that may connect gets 404, and that is recorded', async () => {
  const network = await new Network({ agentArgs: ['--charge-points', 'GOOD,CP-1'] }).start();
  for (const path of ['UNKNOWN', 'a%20b', 'a/b', '', 'x'.repeat(60), '%zz']) {
    await assert.rejects(open(network, path), /404/, path);
  }
  const other = new WebSocket(`ws://${network.agentAddress}/elsewhere`, 'ocpp1.6');
  await assert.rejects(new Promise((resolve, reject) => other.on('open', resolve).on('error', reject)), /404/);
  const plain = await fetch(`http://${network.agentAddress}/ocpp/CP-1`);
  assert.equal(plain.status, 426);
  await assertAlive(network);
  await network.level();
  assert.equal((await network.entries()).filter(({ entry }) => entry.connectionRefused).length, 8);
  await network.stop();
});

/** A handshake by hand; resolves with the socket and what it receives once the handshake is answered. */
async function raw(network, id) {
  const socket = connect(Number(network.agentAddress.split(':')[1]), '127.0.0.1');
  socket.on('error', () => {});
  const peer = { socket, received: Buffer.alloc(0), ended: false };
  socket.on('data', (data) => (peer.received = Buffer.concat([peer.received, data])));
  socket.on('close', () => (peer.ended = true));
  socket.write(`GET /ocpp/${id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n`);
  await until('the handshake is answered', () => peer.received.includes('\r\n\r\n'));
  return peer;
}

test('a close code that no standard defines is answered with 1002, others with themselves', async () => {
  const network = await new Network().start();
  for (const [sent, answered] of [[5000, 1002], [65535, 1002], [1005, 1002], [999, 1002], [4999, 4999], [1000, 1000]]) {
    const peer = await raw(network, `CODE-${sent}`);
    const head = peer.received.indexOf('\r\n\r\n') + 4;
    peer.socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, sent >> 8, sent & 255]));
    await until('the connection has ended', () => peer.ended);
    assert.deepEqual([...peer.received.subarray(head, head + 4)], [0x88, 2, answered >> 8, answered & 255], String(sent));
  }
  await assertAlive(network);
  await network.stop();
});

test('refusals of one address cost the log a bounded number of entries, and none is forgotten', async () => {
  const network = await new Network().start();
  for (let i = 0; i < 300; ++i) {
    await assert.rejects(open(network, 'not/an/id'), /404/);
  }
  await assertAlive(network);
  await network.agent.stop();
  await network.startAgent();
  await network.level();
  const entries = await network.entries();
  const single = entries.filter(({ entry }) => entry.connectionRefused).length;
  const counted = entries.map(({ entry }) => entry.connectionsRefused).filter(Boolean);
  assert.ok(single <= 16 && counted.length <= 2, `${single} ${counted.length}`);
  assert.equal(single + counted.reduce((sum, one) => sum + Number(one.count), 0), 300);
  assert.equal(counted[0].remoteAddress, '127.0.0.1');
  await network.stop();
});

test('a station that floods is read slower, that is a fault, and all that was answered is on record', async () => {
  const network = await new Network({ agentArgs: ['--max-messages-per-second', '20'] }).start();
  const socket = await open(network, 'FLOOD');
  const answered = new Set();
  socket.on('message', (data) => answered.add(JSON.parse(data)[1]));
  for (let i = 0; i < 300; ++i) socket.send(frame('Heartbeat', {}, `f${i}`));
  await until('the burst is over', () => answered.size >= 200);
  await assertAlive(network);
  await until('all is answered', () => answered.size === 300);
  socket.close();
  await network.level();
  const received = (await network.frames()).filter((f) => f.station === 'FLOOD' && f.direction === 'DIRECTION_RECEIVED');
  assert.deepEqual(new Set(received.map((f) => JSON.parse(f.text)[1])), answered);
  const { faults } = await network.ctl('faults', 'list');
  assert.equal(faults.filter((f) => f.chargePointId === 'FLOOD' && f.code === 'MessageFlood').length, 1);
  await network.stop();
});

test('with its descriptors used up by idle connections the agent records on, and turns the others away with 503', async () => {
  const network = await new Network({ agentWrap: ['bash', '-c', 'ulimit -n 300; exec "$0" "$@"'] }).start();
  const good = new ChargePoint(network.url, 'GOOD');
  await good.connect();
  const [host, port] = network.agentAddress.split(':');
  const idle = [];
  const answers = [];
  for (let i = 0; i < 600; ++i) {
    const socket = connect(Number(port), host);
    socket.on('error', () => {});
    socket.on('data', (data) => answers.push(String(data)));
    idle.push(socket);
  }
  await until('some are turned away', () => answers.some((text) => text.startsWith('HTTP/1.1 503 ')));
  for (let i = 0; i < 50; ++i) assert.ok((await good.call('Heartbeat', {})).currentTime);
  for (const socket of idle) socket.destroy();
  await good.close();
  await until('a station may come again', async () => {
    const point = await open(network, 'LATER');
    point.close();
    return true;
  });
  await network.level();
  const counted = (await network.entries()).map(({ entry }) => entry.connectionRefused).filter((one) => one?.httpStatus === 503);
  assert.ok(counted.length >= 1 && counted.length <= 64, String(counted.length));
  await network.stop();
});

test('one more connection than --max-connections gets a 503, and one that leaves makes room', async () => {
  const network = await new Network({ agentArgs: ['--max-connections', '3'] }).start();
  const three = await Promise.all(['A', 'B', 'C'].map((id) => open(network, id)));
  await assert.rejects(open(network, 'D'), /503/);
  three[0].close();
  await until('D may come', async () => {
    (await open(network, 'D')).close();
    return true;
  });
  await network.stop();
});

test('bytes of a handshake that are no text are recorded without making the record unreadable', async () => {
  const network = await new Network().start();
  const socket = connect(Number(network.agentAddress.split(':')[1]), '127.0.0.1');
  socket.write(Buffer.from(`GET /ocpp/ODD HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n` +
    `User-Agent: \xff\xfe\u00e4\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n`, 'latin1'));
  let received = '';
  socket.on('data', (data) => (received += data.toString('latin1')));
  await until('the handshake is done', () => received.includes('101'));
  socket.destroy();
  await assertAlive(network);
  await network.level();
  const opened = (await network.entries()).map((e) => e.entry.connectionOpened).find((c) => c?.chargePointId === 'ODD');
  assert.equal(opened.userAgent, '\\xff\\xfe\\xe4');
  await network.stop();
});

test('a client that never reads is held back and ended, and others are served meanwhile', async () => {
  const network = await new Network({
    // Without a limit on its rate the answers fill the pipe in seconds.
    agentArgs: ['--ping-interval-s', '1', '--max-messages-per-second', '0'],
  }).start();
  const socket = connect(Number(network.agentAddress.split(':')[1]), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`GET /ocpp/DEAF HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n`);
  // Frames that come before the handshake is answered are an error of their own.
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  // A long message id comes back in every answer: the answers fill the pipe that nobody empties.
  const text = Buffer.from(frame('Heartbeat', {}, 'i'.repeat(200)));
  const header = Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 255, 0, 0, 0, 0]);
  const many = Buffer.concat(Array(2000).fill(Buffer.concat([header, text])));
  const flood = setInterval(() => socket.writableLength < 1 << 22 && socket.write(many), 5);
  await assertAlive(network);
  await until('the agent has ended the connection', async () => {
    const stations = (await network.ctl('stations', 'list')).stations;
    const deaf = stations.find((s) => s.chargePointId === 'DEAF');
    return deaf && !deaf.connected;
  }, 240_000);
  clearInterval(flood);
  socket.destroy();
  await assertAlive(network);
  await network.level();
  const close = (await network.entries()).map((e) => e.entry.connectionClosed).find((c) => c?.chargePointId === 'DEAF');
  assert.equal(close.reason, 'REASON_TIMED_OUT');
  await network.stop();
});

test('a thousand connections opened at once and closed leave nothing behind', async () => {
  const network = await new Network().start();
  const sockets = await Promise.all(Array.from({ length: 1000 }, (_, i) => open(network, `CP-${i}`)));
  await assertAlive(network);
  for (const socket of sockets) socket.terminate();
  await assertAlive(network);
  const closed = (entries) => entries.filter(({ entry }) => entry.connectionClosed).length;
  await until('all are seen to be gone', async () => closed(await network.entries()) === 1002);
  await network.level();
  const entries = await network.entries();
  assert.equal(entries.filter(({ entry }) => entry.connectionOpened).length, 1002);
  assert.equal(entries.filter(({ entry }) => entry.connectionClosed).length, 1002);
  await network.stop();
});

await main();
