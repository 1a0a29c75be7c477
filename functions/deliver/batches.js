"use strict";
// Batches and the answers to them, as JSON in WORK_BUCKET (stores/batches.py has the other side).

const { GetObjectCommand, PutObjectCommand, S3Client } = require("@aws-sdk/client-s3");
const { awsConfig, setting } = require("./environment");

let client;
const s3 = () => (client ??= new S3Client({ ...awsConfig(), forcePathStyle: Boolean(process.env.AWS_ENDPOINT_URL) }));

async function readBatch(key) {
  const { Body } = await s3().send(new GetObjectCommand({ Bucket: setting("WORK_BUCKET"), Key: key }));
  return JSON.parse(await Body.transformToString());
}

/** Idempotent: the key is the batch's. Returns it. */
async function writeAnswers(batchKey, answers) {
  const key = batchKey.replace(/\.json$/, ".answers.json");
  const Body = JSON.stringify({ answers });
  await s3().send(
    new PutObjectCommand({ Bucket: setting("WORK_BUCKET"), Key: key, Body, ContentType: "application/json" })
  );
  return key;
}

module.exports = { readBatch, writeAnswers };
