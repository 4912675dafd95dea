// SPDX-License-Identifier: Apache-2.0
// How often a password may be guessed. nginx checks passwords; here is counted what came of it, before the next one.
//
// Each wrong password fills two buckets, the caller's and the user name's; both leak. While one of them is full, nobody
// whom it concerns gets to the check of the password, so that a right guess looks like a wrong one. The exception is who
// had logged in before: a cookie says so, for the one credential that was right. By itself it opens nothing.
//
// A user name's bucket takes more than one address can pour into it: nobody locks out another by guessing from one place.
import crypto from 'crypto';

const BUCKETS = {
    address: { guesses: 10, perMinute: 10 },
    user: { guesses: 40, perMinute: 40 },
};
const COOKIE = '__Host-deidgate-known';
// Answers that nginx gives only when the password was right; redirects and the like are given without asking for it.
const LET_IN = [200, 206, 304];

// For `if`: not empty when the request is to be refused unread.
function refused(r) {
    if (!r.headersIn.Authorization) {
        return '';
    }
    const now = Date.now();
    return buckets(r).some((bucket) => bucket.full(now)) && !known(r) ? '1' : '';
}

// For `add_header Set-Cookie`, which is evaluated once for each answer, before a byte of it leaves: empty, or the cookie.
function answered(r) {
    if (!r.headersIn.Authorization) {
        return '';
    }
    const status = Number(r.variables.status);
    if (status === 401) {
        const now = Date.now();
        buckets(r).forEach((bucket) => bucket.pour(now));
    } else if (LET_IN.includes(status) && !known(r)) {
        return `${COOKIE}=${seal(r.headersIn.Authorization)}; Path=/; Secure; HttpOnly; SameSite=Strict`;
    }
    return '';
}

function known(r) {
    return r.variables[`cookie_${COOKIE}`] === seal(r.headersIn.Authorization);
}

function buckets(r) {
    // The name under the seal: what somebody types there may be a password.
    return [bucket('address', network(r.remoteAddress)), bucket('user', seal(r.variables.remote_user || ''))];
}

// What is kept of a bucket is the time at which it will be empty.
function bucket(kind, name) {
    const key = `${kind} ${name}`;
    const drop = 60000 / BUCKETS[kind].perMinute;
    const empty = (now) => Math.max(now, ngx.shared.guesses.get(key) || 0);
    return {
        full: (now) => empty(now) + drop > now + BUCKETS[kind].guesses * drop,
        pour: (now) => ngx.shared.guesses.set(key, empty(now) + drop),
    };
}

// Whoever has an IPv6 address has 2^64 of them.
function network(address) {
    if (!address.includes(':')) {
        return address;
    }
    const [head, tail] = address.split('::').map((part) => part.split(':'));
    const zeros = tail ? Array(Math.max(0, 8 - head.length - tail.length)).fill('0') : [];
    return head.concat(zeros, tail || []).slice(0, 4).join(':');
}

// With a key that is made anew when the gate starts and leaves it never.
function seal(text) {
    const fresh = Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(32))).toString('hex');
    ngx.shared.seal.add('key', fresh);
    return crypto.createHmac('sha256', ngx.shared.seal.get('key')).update(text).digest('base64url');
}

export default { refused, answered };
