// A stand-in for amqplib, for tests alone.
//
// The programs for Node in docs/backend.md are written for amqplib, which no package of Debian has. This has the same
// calls, as many as those programs make, so that tests can run them as they stand there. It speaks AMQP 0-9-1 with a
// real broker, and was written from the protocol's specification, RabbitMQ's extensions of it, and the description of
// amqplib's calls; nothing in it is taken from amqplib.
//
// It is not for production: there is no TLS, no flow control and no recovery, a message's properties are not read, and
// what the programs do not use is missing. An option that it does not know is an error rather than passed over.

import { EventEmitter } from 'node:events';
import { connect as connectSocket } from 'node:net';

// MARK: The protocol's numbers

const METHOD = 1, HEADER = 2, BODY = 3, HEARTBEAT = 8;
const FRAME_END = 0xce;
/// The bytes around a frame's payload: type, channel, size, and the end.
const FRAME_OVERHEAD = 8;
/// The code with which a broker that is shut down, or its operator, closes connections.
const CONNECTION_FORCED = 320;

const method = (classNumber, number) => classNumber * 0x10000 + number;
const ConnectionStart = method(10, 10), ConnectionStartOk = method(10, 11);
const ConnectionTune = method(10, 30), ConnectionTuneOk = method(10, 31);
const ConnectionOpen = method(10, 40), ConnectionOpenOk = method(10, 41);
const ConnectionClose = method(10, 50), ConnectionCloseOk = method(10, 51);
const ChannelOpen = method(20, 10), ChannelOpenOk = method(20, 11);
const ChannelClose = method(20, 40), ChannelCloseOk = method(20, 41);
const QueueDeclare = method(50, 10), QueueDeclareOk = method(50, 11);
const BasicQos = method(60, 10), BasicQosOk = method(60, 11);
const BasicConsume = method(60, 20), BasicConsumeOk = method(60, 21);
const BasicCancel = method(60, 30), BasicCancelOk = method(60, 31);
const BasicPublish = method(60, 40), BasicReturn = method(60, 50), BasicDeliver = method(60, 60);
const BasicAck = method(60, 80), BasicNack = method(60, 120);
const ConfirmSelect = method(85, 10), ConfirmSelectOk = method(85, 11);
const BASIC = 60;

// MARK: Writing and reading values

function number(size, value) {
  const bytes = Buffer.alloc(size);
  if (size === 8) bytes.writeBigUInt64BE(BigInt(value));
  else bytes.writeUIntBE(value, 0, size);
  return bytes;
}
const octet = (value) => number(1, value);
const short = (value) => number(2, value);
const long = (value) => number(4, value);
const longlong = (value) => number(8, value);
/// Booleans that follow each other share an octet, the first in the lowest bit.
const bits = (...values) => octet(values.reduce((sum, value, index) => sum + (value ? 1 << index : 0), 0));

function shortString(text) {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw new RangeError(`longer than 255 bytes: ${text}`);
  return Buffer.concat([octet(bytes.length), bytes]);
}
const longString = (content) => Buffer.concat([long(Buffer.byteLength(content)), Buffer.from(content)]);

/// A field table; its values are strings, booleans and further tables.
function table(fields) {
  const types = { string: ['S', longString], boolean: ['t', bits], object: ['F', table] };
  return longString(Buffer.concat(Object.entries(fields).flatMap(([name, value]) => {
    const [type, written] = types[typeof value];
    return [shortString(name), Buffer.from(type), written(value)];
  })));
}

class Reader {
  #bytes;
  #offset = 0;

  constructor(bytes) { this.#bytes = bytes; }

  #take(size) {
    if (this.#offset + size > this.#bytes.length) throw new RangeError('the frame ends within a value');
    this.#offset += size;
    return this.#bytes.subarray(this.#offset - size, this.#offset);
  }
  octet() { return this.#take(1)[0]; }
  short() { return this.#take(2).readUInt16BE(); }
  long() { return this.#take(4).readUInt32BE(); }
  longlong() { return Number(this.#take(8).readBigUInt64BE()); }
  shortString() { return this.#take(this.octet()).toString(); }
  longString() { return this.#take(this.long()).toString(); }
}

function frame(type, channel, payload) {
  return Buffer.concat([octet(type), short(channel), long(payload.length), payload, octet(FRAME_END)]);
}
const methodFrame = (channel, id, ...values) => frame(METHOD, channel, Buffer.concat([long(id), ...values]));

/// The error that a `close` of the server tells.
function closeError(what, reader) {
  const code = reader.short();
  return Object.assign(new Error(`${what} closed by the server: ${code} ${reader.shortString()}`), { code });
}

function checkOptions(options, ...known) {
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new TypeError(`the stand-in for amqplib does not know the option ${unknown[0]}`);
}

// MARK: Connections and channels

/// The common part of a connection, which is channel 0, and its other channels: a number, and calls with an answer.
class Speaker extends EventEmitter {
  /// The calls that wait for their answer, which come in the order of the calls.
  _waiting = [];
  /// Why there will be no more answers, once it is so.
  _ended;

  async _expect(id) {
    if (this._ended) throw this._ended;
    return await new Promise((resolve, reject) => this._waiting.push({ id, resolve, reject }));
  }

  /// False if nobody waits for this answer.
  _takeAnswer(id, reader) {
    if (this._waiting[0]?.id !== id) return false;
    this._waiting.shift().resolve(reader);
    return true;
  }

  _rejectWaiting(error) {
    this._ended = error;
    for (const { reject } of this._waiting.splice(0)) reject(error);
  }
}

class Connection extends Speaker {
  #socket;
  #state = 'opening'; // 'open', 'closing', 'closed'
  _channels = new Map();
  #lastChannel = 0;
  #received = Buffer.alloc(0);
  #timer;
  #silentTicks = 0;
  #whenClosed;
  /// The longest frame, with its overhead. Both sides must accept this length until they agree on another.
  _frameMax = 0x2000;

  constructor(socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('the server closed the socket without a `close`')));
  }

  /// Logs in, agrees on limits and opens the virtual host.
  async _open({ user, password, virtualHost, heartbeat }) {
    this.#socket.write(Buffer.from([...Buffer.from('AMQP'), 0, 0, 9, 1]));
    const start = await this._expect(ConnectionStart);
    start.octet(); // the version, 0-9
    start.octet();
    start.longString(); // a table about the server
    const mechanisms = start.longString();
    if (!mechanisms.split(' ').includes('PLAIN')) throw new Error(`no login with PLAIN, but with ${mechanisms}`);
    const capabilities = {
      publisher_confirms: true, 'basic.nack': true, consumer_cancel_notify: true, authentication_failure_close: true,
    };
    this.#socket.write(methodFrame(0, ConnectionStartOk, table({ product: 'stand-in for amqplib', capabilities }),
      shortString('PLAIN'), longString(`\0${user}\0${password}`), shortString('en_US')));

    const tune = await this._expect(ConnectionTune);
    const channelMax = tune.short();
    // 0 is no limit.
    this._frameMax = Math.min(tune.long() || Infinity, 0x20000);
    const interval = tune.short();
    const seconds = heartbeat === undefined ? interval : Math.min(heartbeat, interval || heartbeat);
    this.#socket.write(methodFrame(0, ConnectionTuneOk, short(channelMax), long(this._frameMax), short(seconds)));
    if (seconds > 0) this.#timer = setInterval(() => this.#tick(), seconds * 500);
    this.#socket.write(methodFrame(0, ConnectionOpen, shortString(virtualHost), shortString(''), octet(0)));
    await this._expect(ConnectionOpenOk);
    if (this._ended) throw this._ended;
    this.#state = 'open';
  }

  /// Twice in the interval of heartbeats.
  #tick() {
    // Counted rather than timed: a program that was busy for long has data waiting, and reads it before the next tick.
    this.#silentTicks += 1;
    if (this.#silentTicks > 4) this.#socket.destroy(new Error('no heartbeat of the server for two intervals'));
    else this.#socket.write(frame(HEARTBEAT, 0, Buffer.alloc(0)));
  }

  #take(chunk) {
    this.#silentTicks = 0;
    // A frame may come in several chunks, and a chunk may have several frames.
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#state !== 'closed' && this.#received.length >= FRAME_OVERHEAD) {
      const reader = new Reader(this.#received);
      const type = reader.octet(), channel = reader.short(), size = reader.long();
      if (size + FRAME_OVERHEAD > this._frameMax) return this._fail(`a frame of ${size} bytes`);
      if (this.#received.length < size + FRAME_OVERHEAD) return;
      const payload = this.#received.subarray(7, 7 + size);
      if (this.#received[7 + size] !== FRAME_END) return this._fail('a frame without its end');
      this.#received = this.#received.subarray(size + FRAME_OVERHEAD);
      this.#takeFrame(type, channel, payload);
    }
  }

  #takeFrame(type, number, payload) {
    if (type === HEARTBEAT) return;
    if (number === 0 && type === METHOD) {
      const reader = new Reader(payload);
      this.#takeMethod(reader.long(), reader);
    } else if (this.#state === 'open') {
      // The frames of a channel that is closed are dropped.
      this._channels.get(number)?._takeFrame(type, payload);
    }
  }

  #takeMethod(id, reader) {
    if (id === ConnectionClose) {
      const error = closeError('connection', reader);
      this.#socket.write(methodFrame(0, ConnectionCloseOk));
      this.#socket.destroySoon();
      this.#end(error);
    } else if (id === ConnectionCloseOk) {
      this.#socket.destroySoon();
    } else if (!this._takeAnswer(id, reader)) {
      this._fail(`method ${id >> 16}.${id & 0xffff}, which nobody waits for`);
    }
  }

  /// For channels, which can send as long as nobody has closed the connection.
  _send(bytes) {
    if (this.#state !== 'open') throw new Error('the connection is closed');
    return this.#socket.write(bytes);
  }

  /// The server has said what it must not say.
  _fail(what) {
    this.#socket.destroy(new Error(`not expected of the server: ${what}`));
  }

  #end(reason) {
    if (this.#state === 'closed') return;
    const before = this.#state;
    this.#state = 'closed';
    clearInterval(this.#timer);
    // A socket that ends after our own `close` is as it should be.
    const error = before === 'closing' ? undefined : reason;
    const told = error ?? new Error('the connection was closed');
    this._rejectWaiting(told);
    for (const channel of [...this._channels.values()]) channel._end(told);
    if (before === 'opening') return;
    // As with amqplib, a broker that is shut down is no `error`.
    if (error !== undefined && error.code !== CONNECTION_FORCED) this.emit('error', error);
    this.emit('close', error);
    this.#whenClosed?.();
  }

  async close() {
    if (this.#state !== 'open') throw new Error('the connection is closed');
    this.#state = 'closing';
    const closed = new Promise((resolve) => { this.#whenClosed = resolve; });
    this.#socket.write(methodFrame(0, ConnectionClose, short(200), shortString('done'), short(0), short(0)));
    await closed;
  }

  async createChannel() {
    const channel = new Channel(this, this.#lastChannel += 1);
    this._channels.set(channel._number, channel);
    await channel._call(ChannelOpenOk, ChannelOpen, shortString(''));
    return channel;
  }

  async createConfirmChannel() {
    const channel = await this.createChannel();
    await channel._call(ConfirmSelectOk, ConfirmSelect, bits(false));
    channel._published = 0;
    return channel;
  }
}

class Channel extends Speaker {
  #connection;
  #consumers = new Map();
  #lastConsumer = 0;
  #arriving; // the message whose header or body is still on its way
  #unconfirmed = new Set();
  #isRefused = false;
  #waitingForConfirms = [];
  /// How many messages were published, if the server confirms them; it counts too, from 1.
  _published;

  constructor(connection, number) {
    super();
    this.#connection = connection;
    this._number = number;
  }

  #send(id, ...values) {
    if (this._ended) throw this._ended;
    return this.#connection._send(methodFrame(this._number, id, ...values));
  }

  async _call(answer, id, ...values) {
    this.#send(id, ...values);
    return await this._expect(answer);
  }

  // MARK: Frames of the server

  _takeFrame(type, payload) {
    const reader = new Reader(payload);
    if (type === METHOD) return this.#takeMethod(reader.long(), reader);
    const message = this.#arriving;
    if (!message) return this.#connection._fail('content without a method');
    if (type === HEADER) {
      reader.short(); // the class
      reader.short(); // unused
      message.missing = reader.longlong();
    } else if (type === BODY) {
      message.parts.push(payload);
      message.missing -= payload.length;
    }
    if (message.missing < 0) return this.#connection._fail('a longer body than its header says');
    if (message.missing > 0) return;
    this.#arriving = undefined;
    message.take({ fields: message.fields, content: Buffer.concat(message.parts) });
  }

  #takeMethod(id, reader) {
    if (id === BasicDeliver) {
      const consumerTag = reader.shortString(), fields = { consumerTag, deliveryTag: reader.longlong() };
      this.#arriving = { fields, parts: [], take: (message) => this.#consumers.get(consumerTag)?.(message) };
    } else if (id === BasicReturn) {
      // Comes before the confirm of the same message.
      const fields = { replyCode: reader.short(), replyText: reader.shortString() };
      this.#arriving = { fields, parts: [], take: (message) => this.emit('return', message) };
    } else if (id === BasicAck || id === BasicNack) {
      this.#confirm(reader.longlong(), (reader.octet() & 1) === 1, id === BasicAck);
    } else if (id === BasicCancel) {
      // The consumer's queue is no more.
      const consumerTag = reader.shortString(), wantsNoAnswer = reader.octet() === 1;
      if (!wantsNoAnswer) this.#send(BasicCancelOk, shortString(consumerTag));
      const consumer = this.#consumers.get(consumerTag);
      this.#consumers.delete(consumerTag);
      consumer?.(null);
    } else if (id === ChannelClose) {
      const error = closeError('channel', reader);
      this.#send(ChannelCloseOk);
      this._end(error, true);
    } else if (!this._takeAnswer(id, reader)) {
      this.#connection._fail(`method ${id >> 16}.${id & 0xffff}, which nobody waits for`);
    }
  }

  #confirm(tag, isMultiple, isTaken) {
    for (const each of isMultiple ? [...this.#unconfirmed] : [tag]) {
      // 0 is all that there are.
      if (each <= tag || tag === 0) this.#unconfirmed.delete(each);
    }
    if (!isTaken) this.#isRefused = true;
    if (this.#unconfirmed.size === 0) this.#tellOfConfirms();
  }

  #tellOfConfirms() {
    if (this.#waitingForConfirms.length === 0) return;
    for (const { resolve, reject } of this.#waitingForConfirms.splice(0)) {
      if (this.#isRefused) reject(new Error('the server did not take a message'));
      else resolve();
    }
    this.#isRefused = false;
  }

  /// The channel is closed; by the server, or with its connection, which tells that itself.
  _end(error, isTold = false) {
    this.#connection._channels.delete(this._number);
    this._rejectWaiting(error);
    for (const { reject } of this.#waitingForConfirms.splice(0)) reject(error);
    if (isTold) this.emit('error', error);
    this.emit('close');
  }

  // MARK: amqplib's calls

  async assertQueue(queue, options = {}) {
    checkOptions(options, 'durable');
    const { durable = true } = options;
    // passive, durable, exclusive, auto-delete, no-wait
    const answer = await this._call(QueueDeclareOk, QueueDeclare, short(0), shortString(queue),
      bits(false, durable, false, false, false), table({}));
    return { queue: answer.shortString(), messageCount: answer.long(), consumerCount: answer.long() };
  }

  async prefetch(count) {
    await this._call(BasicQosOk, BasicQos, long(0), short(count), bits(false));
  }

  async consume(queue, take) {
    // Named by us: its first message may come in the same breath as the answer.
    const consumerTag = `stand-in-${this.#lastConsumer += 1}`;
    this.#consumers.set(consumerTag, take);
    // no-local, no-ack, exclusive, no-wait
    await this._call(BasicConsumeOk, BasicConsume, short(0), shortString(queue), shortString(consumerTag),
      bits(false, false, false, false), table({}));
    return { consumerTag };
  }

  ack(message) {
    this.#send(BasicAck, longlong(message.fields.deliveryTag), bits(false));
  }

  sendToQueue(queue, content, options = {}) {
    checkOptions(options, 'persistent', 'mandatory', 'contentType', 'messageId');
    if (!Buffer.isBuffer(content)) throw new TypeError('the content is no Buffer');
    if (this._ended) throw this._ended;
    const { persistent, mandatory, contentType, messageId } = options;
    // The flags say which properties follow; the order of both is the specification's.
    let flags = 0;
    const properties = [];
    if (contentType !== undefined) { flags |= 1 << 15; properties.push(shortString(contentType)); }
    if (persistent) { flags |= 1 << 12; properties.push(octet(2)); }
    if (messageId !== undefined) { flags |= 1 << 7; properties.push(shortString(messageId)); }
    const frames = [
      // mandatory, immediate
      methodFrame(this._number, BasicPublish, short(0), shortString(''), shortString(queue), bits(mandatory, false)),
      frame(HEADER, this._number, Buffer.concat([
        short(BASIC), short(0), longlong(content.length), short(flags), ...properties,
      ])),
    ];
    const size = this.#connection._frameMax - FRAME_OVERHEAD;
    for (let start = 0; start < content.length; start += size) {
      frames.push(frame(BODY, this._number, content.subarray(start, start + size)));
    }
    const hasRoom = this.#connection._send(Buffer.concat(frames));
    if (this._published !== undefined) this.#unconfirmed.add(this._published += 1);
    return hasRoom;
  }

  /// Rejects if the server has refused one of the messages, or was lost before it said something.
  async waitForConfirms() {
    if (this._published === undefined) throw new TypeError('not a channel with confirms');
    if (this._ended) throw this._ended;
    await new Promise((resolve, reject) => {
      this.#waitingForConfirms.push({ resolve, reject });
      if (this.#unconfirmed.size === 0) this.#tellOfConfirms();
    });
  }
}

// MARK: The module

/// The parts of a URL that amqplib reads: `amqp://user:password@host:port/vhost?heartbeat=…`, percent-encoded.
function access(url) {
  const { protocol, username, password, hostname, port, pathname, searchParams } = new URL(url);
  if (protocol !== 'amqp:') throw new TypeError(`the stand-in for amqplib does not know ${protocol}`);
  checkOptions(Object.fromEntries(searchParams), 'heartbeat');
  const isAnonymous = username === '' && password === '';
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost', // an IPv6 address has brackets
    port: Number(port || 5672),
    user: isAnonymous ? 'guest' : decodeURIComponent(username),
    password: isAnonymous ? 'guest' : decodeURIComponent(password),
    // `amqp://host` has the virtual host `/`; `amqp://host/` the one with no name.
    virtualHost: pathname === '' ? '/' : decodeURIComponent(pathname.slice(1)),
    heartbeat: searchParams.has('heartbeat') ? Number(searchParams.get('heartbeat')) : undefined,
  };
}

export async function connect(url = 'amqp://localhost') {
  const { host, port, ...rest } = access(url);
  const socket = connectSocket({ host, port, noDelay: true });
  try {
    const connection = new Connection(socket);
    await connection._open(rest);
    return connection;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

export default { connect };
