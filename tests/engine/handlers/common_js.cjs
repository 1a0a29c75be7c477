let calls = 0

exports.world = async (event, context) => ({
  event,
  calls: ++calls,
  now: Date.now(),
  constructed: new Date().getTime(),
  fixed: new Date(0).toISOString(),
  isDate: new Date() instanceof Date,
  name: context.functionName,
  arn: context.invokedFunctionArn,
  remaining: context.getRemainingTimeInMillis()
})

exports.raises = async () => { throw new TypeError('nothing there') }
exports.callback = (event, context, callback) => callback(null, { called: event.back })
exports.dies = async () => process.exit(4)
