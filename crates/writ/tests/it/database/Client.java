// The same work with PostgreSQL's JDBC driver, told what came of it; run directly and through the gateway, it must say the
// same. Arguments: the URL, then `name=value` of properties.

import java.io.StringReader;
import java.sql.*;
import java.util.Properties;

public class Client {
    static Connection connection;

    static void rows(String label, ResultSet rows) throws SQLException {
        StringBuilder text = new StringBuilder(label);
        int columns = rows.getMetaData().getColumnCount();
        while (rows.next()) {
            for (int at = 1; at <= columns; at++) {
                text.append(at == 1 ? " | " : ",").append(rows.getString(at));
            }
        }
        System.out.println(text);
    }

    static void fails(String sql) {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
            System.out.println("no error " + sql);
        } catch (SQLException error) {
            System.out.println(error.getSQLState() + " " + error.getMessage().split("\n")[0]);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        for (int at = 1; at < arguments.length; at++) {
            String[] pair = arguments[at].split("=", 2);
            properties.setProperty(pair[0], pair[1]);
        }
        connection = DriverManager.getConnection(arguments[0], properties);
        Statement statement = connection.createStatement();
        rows("types", statement.executeQuery("SELECT 1, 'zwei', 3.5::numeric, NULL, true, ARRAY[1,2], timestamp '2026-01-02 03:04:05'"));
        // Past the fifth time the driver has the server prepare it, and asks for binary results.
        PreparedStatement prepared = connection.prepareStatement("SELECT id, customer, total FROM orders WHERE id = ?");
        for (int time = 0; time < 8; time++) {
            prepared.setInt(1, 1 + time % 3);
            rows("prepared", prepared.executeQuery());
        }
        PreparedStatement batch = connection.prepareStatement("INSERT INTO orders (customer, total) VALUES (?, ?)");
        for (int time = 0; time < 500; time++) {
            batch.setString(1, "batch");
            batch.setInt(2, time);
            batch.addBatch();
        }
        System.out.println("batch " + batch.executeBatch().length);
        rows("batched", statement.executeQuery("SELECT count(*), sum(total) FROM orders WHERE customer = 'batch'"));
        System.out.println("deleted " + statement.executeUpdate("DELETE FROM orders WHERE customer = 'batch'"));
        fails("SELECT 1/0");
        fails("SELECT * FROM orders WHERE id = 'x'");
        connection.setAutoCommit(false);
        PreparedStatement slow = connection.prepareStatement("SELECT id FROM orders ORDER BY id");
        slow.setFetchSize(2);
        rows("fetched", slow.executeQuery());
        Savepoint savepoint = connection.setSavepoint();
        fails("INSERT INTO orders (id, customer) VALUES (1, 'twice')");
        connection.rollback(savepoint);
        rows("saved", statement.executeQuery("SELECT count(*) FROM orders"));
        connection.rollback();
        connection.setAutoCommit(true);
        org.postgresql.copy.CopyManager copy = connection.unwrap(org.postgresql.PGConnection.class).getCopyAPI();
        System.out.println("copied " + copy.copyIn("COPY orders (customer) FROM STDIN", new StringReader("c\n".repeat(5000))));
        java.io.StringWriter out = new java.io.StringWriter();
        System.out.println("copied " + copy.copyOut("COPY (SELECT customer FROM orders WHERE customer = 'c') TO STDOUT", out) + " " + out.toString().length());
        System.out.println("deleted " + statement.executeUpdate("DELETE FROM orders WHERE customer = 'c'"));
        ResultSet columns = connection.getMetaData().getColumns(null, "public", "orders", "%");
        while (columns.next()) {
            System.out.println("column " + columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME"));
        }
        rows("keys", connection.getMetaData().getPrimaryKeys(null, "public", "orders"));
        Statement cancelled = connection.createStatement();
        cancelled.setQueryTimeout(1);
        try {
            cancelled.execute("SELECT pg_sleep(60)");
        } catch (SQLException error) {
            System.out.println(error.getSQLState());
        }
        rows("alive", statement.executeQuery("SELECT 1"));
        connection.close();
    }
}
