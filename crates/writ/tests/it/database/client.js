// The same work with node's `pg`, told what came of it; run directly and through the gateway, it must say the same.

const fs = require("fs");
const { Client } = require("pg");
const told = JSON.parse(process.argv[2]);
if (told.ssl) {
    for (const file of ["ca", "cert", "key"]) told.ssl[file] = fs.readFileSync(told.ssl[file], "utf8");
}

async function main() {
    const client = new Client(told);
    await client.connect();
    const say = (label, result) => console.log(label, JSON.stringify(result.rows), result.rowCount);
    say("types", await client.query("SELECT 1 AS a, 'zwei' AS b, NULL AS c, true AS d, ARRAY[1,2] AS e"));
    say("parameters", await client.query("SELECT id, customer FROM orders WHERE id = $1", [2]));
    for (let time = 0; time < 3; time++) {
        say("named", await client.query({ name: "by id", text: "SELECT customer FROM orders WHERE id = $1", values: [1 + time] }));
    }
    say("several", (await client.query("SELECT 1 AS a; SELECT 2 AS a"))[1]);
    const fails = async (text, values) => {
        try {
            await client.query(text, values);
            console.log("no error", text);
        } catch (error) {
            console.log(error.code, error.message);
        }
    };
    await fails("SELECT 1/0");
    await fails("SELECT * FROM orders WHERE id = $1", ["x"]);
    await client.query("BEGIN");
    await client.query("INSERT INTO orders (customer) VALUES ($1)", ["gone"]);
    await fails("SELECT nothing FROM orders");
    await fails("SELECT 1");
    await client.query("ROLLBACK");
    say("rolled back", await client.query("SELECT count(*) FROM orders"));
    // Said at once, answered in order.
    const answers = await Promise.all([1, 2, 3].map((id) => client.query("SELECT $1::int AS id", [id])));
    console.log(answers.map((answer) => answer.rows[0].id));
    await client.end();
}

main().catch((error) => {
    console.log(error.code, error.message);
    process.exit(1);
});
