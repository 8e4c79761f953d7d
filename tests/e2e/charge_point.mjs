// A charge point as its makers write it: the OCPP client of the npm package ocpp-rpc, with strict schema checks on what we
// answer. Keeps what it sent and what was answered, to compare the record with.
import { randomUUID } from 'node:crypto';
import { RPCClient } from 'ocpp-rpc';

const open = new Set();

/** A test's clients must not call at the ports that the next one is given. */
export async function closeAll() {
  await Promise.all([...open].map((point) => point.client.close({ force: true }).catch(() => {})));
  open.clear();
}

export class ChargePoint {
  constructor(url, identity, protocols = ['ocpp1.6']) {
    open.add(this);
    this.answered = [];
    const sent = new Map();
    this.client = new RPCClient({
      endpoint: url,
      identity,
      protocols,
      strictMode: true,
      callTimeoutMs: 20_000,
      pingIntervalMs: 0,
      backoff: { initialDelay: 30, maxDelay: 300, randomisationFactor: 0.3 },
    });
    this.client.on('message', ({ message, outbound }) => {
      const text = String(message);
      const [type, id] = JSON.parse(text);
      if (outbound && type === 2) sent.set(id, text);
      if (!outbound && (type === 3 || type === 4) && sent.has(id)) {
        this.answered.push({ call: sent.get(id), answer: text });
        sent.delete(id);
      }
    });
  }

  connect() {
    return this.client.connect();
  }
  close() {
    return this.client.close();
  }
  call(action, payload) {
    return this.client.call(action, payload);
  }
  /** As a charge point does with what belongs to a transaction: again, with a new message id, until it is answered. */
  async deliver(action, payload) {
    for (let attempt = 0; attempt < 500; ++attempt) {
      try {
        return await this.client.call(action, payload);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    throw new Error(`${action} was never answered`);
  }
}

export function frame(action, payload, id = randomUUID()) {
  return JSON.stringify([2, id, action, payload]);
}
