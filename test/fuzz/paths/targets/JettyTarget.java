import java.io.IOException;
import javax.servlet.http.HttpServlet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.http.HttpCompliance;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;

/** Jetty with a secret at /admin and below. Arguments: port, and "lenient" for the compliance of old versions. */
public class JettyTarget {
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
    Server server = new Server();
    HttpCompliance compliance = args.length > 1 ? HttpCompliance.LEGACY : HttpCompliance.RFC7230;
    ServerConnector connector = new ServerConnector(server, new HttpConnectionFactory(new HttpConfiguration(), compliance));
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(args[0]));
    server.addConnector(connector);
    ServletContextHandler context = new ServletContextHandler();
    context.setContextPath("/");
    context.addServlet(new ServletHolder(new Answer("SECRET\n")), "/admin/*");
    context.addServlet(new ServletHolder(new Answer("open\n")), "/");
    server.setHandler(context);
    server.start();
    server.join();
  }
}
