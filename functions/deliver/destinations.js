"use strict";
// A destination's settings, from the control table (stores/destinations.py has the other side). They are read here and
// not carried by the batch, because they may hold secrets.

const { DynamoDBClient, GetItemCommand } = require("@aws-sdk/client-dynamodb");
const { inflateSync } = require("node:zlib");
const { awsConfig, setting } = require("./environment");

let client;
const dynamodb = () => (client ??= new DynamoDBClient(awsConfig()));

/** The destination, or null where it has been deleted. */
async function readDestination(space, id) {
  const Key = { pk: { S: `${space}#destinations` }, sk: { S: id } };
  const { Item } = await dynamodb().send(
    new GetItemCommand({ TableName: setting("CONTROL_TABLE"), Key, ConsistentRead: true })
  );
  return Item ? JSON.parse(inflateSync(Item.data.B).toString()) : null;
}

module.exports = { readDestination };
