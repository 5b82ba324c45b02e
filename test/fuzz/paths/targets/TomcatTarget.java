import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/** Tomcat with a secret at /admin and below. Arguments: folder, port, and "lenient" to decode slashes and accept backslashes. */
public class TomcatTarget {
  static class Answer extends HttpServlet {
    final String text;

    Answer(String text) {
      this.text = text;
    }

    @Override
    protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
      response.setContentType("text/plain");
      response.getWriter().print(text);
    }
  }

  public static void main(String[] args) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(args[0]);
    Connector connector = new Connector();
    connector.setProperty("address", "127.0.0.1");
    connector.setPort(Integer.parseInt(args[1]));
    if (args.length > 2) {
      connector.setEncodedSolidusHandling("decode");
      connector.setProperty("allowBackslash", "true");
    }
    tomcat.setConnector(connector);
    var context = tomcat.addContext("", args[0]);
    Tomcat.addServlet(context, "secret", new Answer("SECRET\n"));
    context.addServletMappingDecoded("/admin/*", "secret");
    Tomcat.addServlet(context, "open", new Answer("open\n"));
    context.addServletMappingDecoded("/", "open");
    tomcat.start();
    tomcat.getServer().await();
  }
}
